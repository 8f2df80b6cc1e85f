/** Scan before 9 ran over a batch. */
import { create } from '@bufbuild/protobuf';
import {
  attribute,
  intAttribute,
  makeInt,
  makeInts,
  intsAttribute,
  removeAttribute,
} from '../attributes';
import {
  AttributeProtoSchema,
  AttributeProto_AttributeType,
  GraphProtoSchema,
} from '../gen/onnx_pb';
import { label } from '../order';
import { makeValueInfo } from '../schema';
import type { Adapter, AdapterTable } from './context';

/**
 * https://onnx.ai/onnx/operators/onnx__Scan.html#scan-8: states were [batch, …], sequences [batch, time, …]. An outer Scan over the
 * batch, without states of its own, holds the Scan over time. Sequence lengths have no successor.
 */
const scanOverBatch: Adapter = (node, c) => {
  const [lengths, ...inputs] = node.input;
  if (lengths) throw c.refuse(node, 'its sequence_lens have no successor');
  const body = attribute(node, 'body');
  const scanned = intAttribute(node, 'num_scan_inputs', 1);
  if (!body) throw c.refuse(node, 'it has no body');
  const base = label(node);
  const directions = intsAttribute(node, 'directions');
  removeAttribute(node, 'directions');
  const outputs = node.output.map((o) => (o === '' ? c.fresh(`${base}_unused`) : o));
  const innerInputs = inputs.map((name) => c.fresh(`${name}_of_one`));
  const innerOutputs = outputs.map((name) => c.fresh(`${name}_of_one`));
  const inner = c.node(
    'Scan',
    innerInputs,
    innerOutputs,
    [
      body,
      makeInt('num_scan_inputs', scanned),
      ...(directions ? [makeInts('scan_input_directions', directions)] : []),
    ],
    base,
  );
  const one = create(GraphProtoSchema, {
    name: `${base}_batch`,
    node: [inner],
    input: innerInputs.map((name, i) => makeValueInfo(name, c.type(inputs[i]), null)),
    output: innerOutputs.map((name, i) => makeValueInfo(name, c.type(outputs[i]), null)),
  });
  const oneAttribute = create(AttributeProtoSchema, {
    name: 'body',
    type: AttributeProto_AttributeType.GRAPH,
    g: one,
  });
  c.did(node, 'its batch became a Scan around it');
  return [
    c.node(
      'Scan',
      inputs,
      outputs,
      [oneAttribute, makeInt('num_scan_inputs', inputs.length)],
      c.fresh(`${base}_over_batch`),
    ),
  ];
};

export const scanAdapters: AdapterTable = { Scan: [[9, scanOverBatch]] };
