/**
 * Uniforms from one schema: the WGSL struct and the bytes.
 *
 * Members are 4-byte scalars only, so the offset is 4 × position and there are no padding rules.
 */

export type ScalarType = "u32" | "f32";
export type Schema = Readonly<Record<string, ScalarType>>;

/** `struct Run { … }` as the linker's slot body. */
export function structText(name: string, schema: Schema): string {
  const members = Object.entries(schema).map(([member, type]) => `  ${member}: ${type},`);
  return [`struct ${name} {`, ...members, "}"].join("\n");
}

/** Bytes of one struct value, padded to the 16 bytes a uniform binding is rounded to. */
export function structBytes<S extends Schema>(
  schema: S,
  values: Readonly<Record<keyof S, number>>,
): Uint8Array<ArrayBuffer> {
  const members = Object.entries(schema);
  const bytes = new Uint8Array(Math.ceil(members.length / 4) * 16);
  const view = new DataView(bytes.buffer);
  members.forEach(([member, type], position) => {
    const value = values[member as keyof S];
    if (type === "u32") view.setUint32(4 * position, value, true);
    else view.setFloat32(4 * position, value, true);
  });
  return bytes;
}
