/** Text and numbers as HTML. */
import type { Notation } from "./notation.ts";

const ENTITIES: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};

export const escapeHtml = (text: string): string =>
  text.replace(/[&<>"']/g, (character) => ENTITIES[character]!);

/** Hyphens of numbers as minus signs. */
export const minus = (text: string): string => text.replaceAll("-", "−");

export const notationHtml = ({ mantissa, exponent }: Notation): string => {
  if (exponent === 0) return minus(mantissa);
  return `${minus(mantissa)}×10<sup>${minus(String(exponent))}</sup>`;
};
