/** A look at the wire format before it is decoded. */
import { ScalarType, type DescField, type DescMessage } from '@bufbuild/protobuf';
import { BinaryReader, WireType } from '@bufbuild/protobuf/wire';

/**
 * Throws where a known field has a wire type that is not its own. The decoder would read on as if it had, so that a
 * flipped bit turns into other names and sizes; other ONNX readers take such fields for unknown ones. Skips what it
 * does not know and reads no values, so it costs little beside decoding.
 */
export function checkWire(bytes: Uint8Array, message: DescMessage): void {
  check(new BinaryReader(bytes), bytes.length, message);
}

function check(reader: BinaryReader, end: number, message: DescMessage): void {
  const fields = fieldsOf(message);
  while (reader.pos < end) {
    const [number, wire] = reader.tag();
    const field = fields.get(number);
    if (!field) {
      reader.skip(wire, number);
      continue;
    }
    if (!mayBe(field, wire))
      throw new Error(`field '${field.name}' of ${message.name} has wire type ${wire}`);
    if (field.message) {
      const size = reader.uint32();
      if (reader.pos + size > end) throw new RangeError('premature EOF');
      check(reader, reader.pos + size, field.message);
    } else reader.skip(wire, number);
  }
  if (reader.pos > end) throw new RangeError('premature EOF');
}

const known = new Map<DescMessage, Map<number, DescField>>();

function fieldsOf(message: DescMessage): Map<number, DescField> {
  let fields = known.get(message);
  if (!fields) {
    fields = new Map(message.fields.map((field) => [field.number, field]));
    known.set(message, fields);
  }
  return fields;
}

function mayBe(field: DescField, wire: WireType): boolean {
  if (field.message) return wire === WireType.LengthDelimited;
  const own = field.enum ? WireType.Varint : wireOf(field.scalar ?? ScalarType.STRING);
  // a list of numbers may be packed, whatever the schema says
  return wire === own || (field.fieldKind === 'list' && wire === WireType.LengthDelimited);
}

function wireOf(scalar: ScalarType): WireType {
  switch (scalar) {
    case ScalarType.STRING:
    case ScalarType.BYTES:
      return WireType.LengthDelimited;
    case ScalarType.FLOAT:
    case ScalarType.FIXED32:
    case ScalarType.SFIXED32:
      return WireType.Bit32;
    case ScalarType.DOUBLE:
    case ScalarType.FIXED64:
    case ScalarType.SFIXED64:
      return WireType.Bit64;
    default:
      return WireType.Varint;
  }
}
