// NumPy's array file, written.
import { writeFileSync } from 'node:fs';

/** @param descr NumPy's name of the type, e.g. `<f4`, `<i8` */
export function writeNpy(file, descr, dims, values) {
  const shape = dims.map((dim) => `${dim},`).join(' ');
  const text = `{'descr': '${descr}', 'fortran_order': False, 'shape': (${shape}), }`;
  const header = Buffer.from(`${text.padEnd(117)}\n`, 'latin1');
  const magic = Buffer.from([0x93, ...Buffer.from('NUMPY'), 1, 0, header.length, 0]);
  const bytes = Buffer.from(values.buffer, values.byteOffset, values.byteLength);
  writeFileSync(file, Buffer.concat([magic, header, bytes]));
}
