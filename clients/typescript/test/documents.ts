/** The project's documents that the client is held against. */

import { readFileSync } from "node:fs";

const DOCS = new URL("../../../docs/", import.meta.url);

export interface Vector {
  readonly name: string;
  readonly sender: "client" | "broker";
  readonly json: unknown;
  readonly json_text: string;
  readonly msgpack_hex: string;
}

export interface Bad {
  readonly name: string;
  readonly sender: "client" | "broker";
  readonly why: string;
  readonly json_text?: string;
  readonly msgpack_hex?: string;
}

export interface Vectors {
  readonly protocol: string;
  readonly messages: readonly Vector[];
  readonly events: readonly (Omit<Vector, "sender"> & { readonly tag: number })[];
  readonly bad: readonly Bad[];
  readonly partitions: readonly {
    readonly player: string;
    readonly partitions: number;
    readonly partition: number;
  }[];
}

export function vectors(): Vectors {
  return JSON.parse(document("protocol/vectors.json")) as Vectors;
}

export function document(name: string): string {
  return readFileSync(new URL(name, DOCS), "utf8");
}

export function bytes(hex: string): Uint8Array {
  return Uint8Array.from(Buffer.from(hex, "hex"));
}
