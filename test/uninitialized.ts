/** Finds WGSL variables that Dawn would not zero again in each iteration of a loop. */

/** Names of the function-scope `var` declarations of a WGSL text that have no initializer. */
export function uninitialized(text: string): string[] {
  const code = text.replace(/\/\/.*$/gm, "");
  // `var<storage>` and the like have an address space, which function-scope variables lack, but
  // for `var<function>`.
  const declarations = code.matchAll(/\bvar\s*(?:<\s*function\s*>)?\s+(\w+)\s*(:[^;=]*)?(=|;)/g);
  return [...declarations].filter((match) => match[3] === ";").map((match) => match[1]!);
}
