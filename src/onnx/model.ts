/** A loaded ONNX model and the few things that concern it as a whole. */
import { create } from '@bufbuild/protobuf';
import { copyMessage } from './copy';
import { GraphProtoSchema, ModelProtoSchema } from './gen/onnx_pb';
import { hold } from './held';
import {
  entry,
  opsetEntry,
  type GraphProto,
  type ModelProto,
  type NodeProto,
  type TensorProto,
  type ValueInfoProto,
} from './schema';
import type { Spool } from './spool';

/** ONNX's default operator domain has two spellings. */
export function isDefaultDomain(domain: string): boolean {
  return domain === '' || domain === 'ai.onnx';
}

/** What a part of a graph is made of. */
export interface Fragment {
  node: NodeProto[];
  initializer: TensorProto[];
  input: ValueInfoProto[];
  output: ValueInfoProto[];
}

/** Values of fewer bytes stay in memory. */
const PARKED_BYTES = 1 << 16;

export class Model {
  /**
   * @param proto the message as it was read, unknown fields included
   * @param file absolute path, or null for a model that was never a file
   * @param dir folder against which external data resolves
   * @param spool where values that are made for it go instead of into memory, if they are many
   */
  constructor(
    readonly proto: ModelProto,
    readonly file: string | null,
    readonly dir: string | null,
    readonly spool: Spool | null = null,
  ) {}

  get graph(): GraphProto {
    return (this.proto.graph ??= create(GraphProtoSchema));
  }

  /** Version of the default operator set; models without one are opset 1. */
  get opset(): number {
    return this.domainVersion('') ?? 1;
  }

  /** Imported version of a domain, or null. */
  domainVersion(domain: string): number | null {
    const found = this.proto.opsetImport.find((o) =>
      isDefaultDomain(domain) ? isDefaultDomain(o.domain) : o.domain === domain,
    );
    return found ? Number(found.version) : null;
  }

  /** Imports a domain at a version, or changes the version that is imported. */
  setDomainVersion(domain: string, version: number): void {
    const found = this.proto.opsetImport.find((o) =>
      isDefaultDomain(domain) ? isDefaultDomain(o.domain) : o.domain === domain,
    );
    if (found) found.version = BigInt(version);
    else this.proto.opsetImport.push(opsetEntry(domain, version));
  }

  /** Imports a domain at a version where it is not imported yet. */
  importDomain(domain: string, version: number): void {
    if (this.domainVersion(domain) === null) this.setDomainVersion(domain, version);
  }

  /** Sets a `metadata_props` entry. */
  setMetadata(key: string, value: string): void {
    const found = this.proto.metadataProps.find((e) => e.key === key);
    if (found) found.value = value;
    else this.proto.metadataProps.push(entry(key, value));
  }

  metadata(key: string): string | undefined {
    return this.proto.metadataProps.find((e) => e.key === key)?.value;
  }

  /** A copy whose graph can be edited freely. Weights share their bytes with it: replace them, never write into them. */
  copy(): Model {
    return new Model(copyMessage(this.proto), this.file, this.dir, this.spool);
  }

  /** Some nodes as a model of their own, with the same opsets and functions. They are shared: copy before a change. */
  fragment(parts: Fragment): Model {
    const { irVersion, opsetImport, functions } = this.proto;
    const graph = Object.assign(create(GraphProtoSchema, { name: 'fragment' }), parts);
    const proto = create(ModelProtoSchema, { irVersion, opsetImport, functions, graph });
    return new Model(proto, null, this.dir);
  }

  /** The same model, not copied, whose copies park what is made for them in `spool`. */
  spooling(spool: Spool): Model {
    return new Model(this.proto, this.file, this.dir, spool);
  }

  /** A tensor just made, whose values go into the model's spool if it has one and they are many. */
  parked(tensor: TensorProto): TensorProto {
    if (!this.spool || tensor.rawData.length < PARKED_BYTES) return tensor;
    return hold(tensor, this.spool.put(tensor.rawData));
  }
}
