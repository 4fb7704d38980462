/**
 * Names that may stand in generated WGSL.
 *
 * @see WGSL specification, sections 3.7 (identifiers), 15.1 (keywords), 15.2 (reserved words).
 */

const KEYWORDS = `alias break case const const_assert continue continuing default diagnostic discard
  else enable false fn for if let loop override requires return struct switch true var while`;

const RESERVED = `NULL Self abstract active alignas alignof as asm asm_fragment async attribute auto
  await become cast catch class co_await co_return co_yield coherent column_major common compile
  compile_fragment concept const_cast consteval constexpr constinit crate debugger decltype delete
  demote demote_to_helper do dynamic_cast enum explicit export extends extern external fallthrough
  filter final finally friend from fxgroup get goto groupshared highp impl implements import inline
  instanceof interface layout lowp macro macro_rules match mediump meta mod module move mut mutable
  namespace new nil noexcept noinline nointerpolation non_coherent noncoherent noperspective null
  nullptr of operator package packoffset partial pass patch pixelfragment precise precision premerge
  priv protected pub public readonly ref regardless register reinterpret_cast require resource
  restrict self set shared sizeof smooth snorm static static_assert static_cast std subroutine super
  target template this thread_local throw trait try type typedef typeid typename typeof union unless
  unorm unsafe unsized use using varying virtual volatile wgsl where with writeonly yield`;

// Predeclared names may be shadowed, but generated code uses these in their own meaning.
const PREDECLARED = `array atomic bool f16 f32 i32 u32 ptr vec2 vec3 vec4 vec2f vec3f vec4f vec2u vec3u
  vec4u vec2i vec3i vec4i abs bitcast clamp exp floor fma log max min select sign sqrt workgroupBarrier
  storageBarrier`;

const words = (text: string): string[] => text.split(/\s+/);

const TAKEN: ReadonlyMap<string, string> = new Map([
  ...words(PREDECLARED).map((word) => [word, "predeclared in WGSL"] as const),
  ...words(RESERVED).map((word) => [word, "a reserved word of WGSL"] as const),
  ...words(KEYWORDS).map((word) => [word, "a keyword of WGSL"] as const),
]);

/**
 * Why `name` cannot be an identifier in generated WGSL, or undefined if it can.
 *
 * Only ASCII letters, digits and `_`: WGSL allows more, shells and file formats do not.
 */
export function identifierFault(name: string): string | undefined {
  if (name === "") return "empty";
  if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(name)) {
    return "no identifier: letters, digits and _, not beginning with a digit";
  }
  if (name === "_" || name.startsWith("__"))
    return "reserved by WGSL: _ alone, or beginning with __";
  return TAKEN.get(name);
}

/** `learningRate` → `learning_rate`: a hyperparameter as a member of a WGSL struct. */
export const memberName = (name: string): string =>
  name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);

/**
 * Why `name` cannot be a hyperparameter, or undefined if it can.
 *
 * Without `_` in names different ones have different members.
 */
export function memberFault(name: string): string | undefined {
  if (!/^[a-z][A-Za-z0-9]*$/.test(name)) return "no camelCase name of letters and digits";
  return identifierFault(memberName(name));
}
