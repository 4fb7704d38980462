/**
 * In-place complex FFT, radix 2, float64: what the autocovariance of long series needs.
 *
 * J. W. Cooley and J. W. Tukey, Math. Comp. 19, 297 (1965). Forward sign e^{−2πi jk/n}, no
 * normalization. Left out: other lengths, real-input tricks.
 */
import { invariant } from "../engine/errors.ts";

/** Replaces re + i im, both of length 2^p, by its discrete Fourier transform. */
export function fourierTransform(re: Float64Array, im: Float64Array): void {
  const n = re.length;
  invariant(n === im.length && (n & (n - 1)) === 0, `fourierTransform of length ${n}`);
  reverseBits(re, im);
  for (let half = 1; half < n; half *= 2) {
    for (let k = 0; k < half; k++) {
      const angle = (-Math.PI * k) / half;
      const c = Math.cos(angle);
      const s = Math.sin(angle);
      for (let i = k; i < n; i += 2 * half) {
        const j = i + half;
        const x = re[j]! * c - im[j]! * s;
        const y = re[j]! * s + im[j]! * c;
        re[j] = re[i]! - x;
        im[j] = im[i]! - y;
        re[i]! += x;
        im[i]! += y;
      }
    }
  }
}

function reverseBits(re: Float64Array, im: Float64Array): void {
  const n = re.length;
  for (let i = 1, j = 0; i < n; i++) {
    let bit = n >> 1;
    for (; j & bit; bit >>= 1) j ^= bit;
    j ^= bit;
    if (i < j) {
      [re[i], re[j]] = [re[j]!, re[i]!];
      [im[i], im[j]] = [im[j]!, im[i]!];
    }
  }
}
