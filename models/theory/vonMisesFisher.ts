/**
 * The von Mises–Fisher law p(x) ∝ exp(κ m·x) on the sphere S^{D−1}: what exp(−L/T) is for a linear
 * loss.
 *
 * Everything follows from integrals over the polar angle φ, t = m·x = cos φ,
 *   I = ∫_0^π sin^{D−2}φ exp(−2κ sin²(φ/2)) dφ
 * (Bessel's integral, NIST DLMF 10.32.2, with e^κ taken out), so that neither large κ nor large D
 * loses digits. K. V. Mardia and P. E. Jupp, Directional Statistics (2000), section 9.3.
 */
import { ArgumentError } from "../../engine/errors.ts";
import { gaussLegendre } from "./gaussLegendre.ts";

export interface VonMisesFisher {
  /** ⟨1 − t⟩ = 1 − I_{D/2}(κ)/I_{D/2−1}(κ), without cancellation. */
  readonly excess: number;
  /** ln C_D(κ), p(x) = C_D exp(κ t). */
  readonly logNormalizer: number;
  /** −∫ p ln p over the sphere, in nats. */
  readonly entropy: number;
}

const NODES = 240;

/** ln of the area of S^d: |S⁰| = 2, |S¹| = 2π, |S^d| = 2π|S^{d−2}|/(d − 1). */
export function logSphereArea(d: number): number {
  let area = Math.log(d % 2 === 0 ? 2 : 2 * Math.PI);
  for (let k = d % 2 === 0 ? 2 : 3; k <= d; k += 2) area += Math.log((2 * Math.PI) / (k - 1));
  return area;
}

/**
 * An angle beyond which a law of concentration κ has less than about e⁻³⁶ of its mass: κ(1 − cos φ) is
 * near a Gamma law of shape (D − 1)/2.
 */
export function largestAngle(dimension: number, concentration: number): number {
  const shape = (dimension - 1) / 2;
  const excess = (shape + 9 * Math.sqrt(shape) + 36) / concentration;
  return excess >= 2 ? Math.PI : 2 * Math.asin(Math.sqrt(excess / 2));
}

export function requireDimension(where: string, dimension: number): void {
  if (!Number.isInteger(dimension) || dimension < 2 || dimension > 100) {
    throw new ArgumentError(
      `${where}: dimension is ${dimension}, the sphere's space must have a whole number from 2 to 100.`,
    );
  }
}

/**
 * Mean, normalizer and entropy for D = `dimension` and κ = `concentration` ≥ 0.
 *
 * Entropy −ln C_D − κ⟨t⟩ in nats with respect to area. Relative error about 1e-13.
 *
 * @throws ArgumentError for D outside 2…100 or a κ that is negative or not finite.
 * @see Mardia & Jupp (2000), eq. 9.3.4
 * @example vonMisesFisher({ dimension: 3, concentration: 2 }).excess // 1 − coth 2 + ½
 */
export function vonMisesFisher(options: {
  readonly dimension: number;
  readonly concentration: number;
}): VonMisesFisher {
  const { dimension, concentration: kappa } = options;
  requireDimension("vonMisesFisher", dimension);
  if (!(Number.isFinite(kappa) && kappa >= 0)) {
    throw new ArgumentError(
      `vonMisesFisher: concentration is ${kappa}, it must be finite and >= 0.`,
    );
  }
  const end = kappa > 0 ? largestAngle(dimension, kappa) : Math.PI;
  const { nodes, weights } = gaussLegendre(NODES, 0, end);
  const versine = nodes.map((angle) => 2 * Math.sin(angle / 2) ** 2);
  const exponents = nodes.map(
    (angle, i) => (dimension - 2) * Math.log(Math.sin(angle)) - kappa * versine[i]!,
  );
  const top = exponents.reduce((most, value) => Math.max(most, value), -Infinity);
  let total = 0;
  let first = 0;
  exponents.forEach((exponent, i) => {
    const mass = weights[i]! * Math.exp(exponent - top);
    total += mass;
    first += mass * versine[i]!;
  });
  const excess = first / total;
  const logArea = logSphereArea(dimension - 2) + Math.log(total) + top;
  return {
    excess,
    logNormalizer: -kappa - logArea,
    entropy: logArea + kappa * excess,
  };
}
