/**
 * The charges of a layer pair y = W2 φ(W1 x): what rescaling symmetry conserves under gradient flow.
 *
 * Linear φ: (A W1, W2 A⁻¹) computes the same for every invertible A, so M = W1 W1ᵀ − W2ᵀ W2 is
 * conserved by the flow of each single sample. ReLU: only positive diagonal A do, so only the
 * diagonal of M is, neuron by neuron: Σ in-weights² − Σ out-weights². An SGD step of any batch changes
 * a conserved charge by exactly η² (g1 g1ᵀ − g2ᵀ g2), and with decay λ
 *   M' = (1 − ηλ)² M + η² (g1 g1ᵀ − g2ᵀ g2),   g without the decay.
 *
 * Source: Neural Thermodynamics I, arXiv 2505.12387 (charge of a symmetry), derived for the discrete
 * step: θ'ᵀAθ' − θᵀAθ = −2η θᵀA g + η² gᵀA g, and θᵀA g = 0 sample by sample.
 */

/** W1 is [hidden, inputs], W2 [outputs, hidden]; θ is W1 then W2, both row-major. */
export interface LayerPair {
  readonly inputs: number;
  readonly hidden: number;
  readonly outputs: number;
}

/** Number of elements of θ. */
export const layerPairSize = ({ inputs, hidden, outputs }: LayerPair): number =>
  hidden * (inputs + outputs);

/**
 * The matrix charge W1 W1ᵀ − W2ᵀ W2 of θ, or of a gradient in its place; written to `out`.
 *
 * M_ij = Σ_a W1_ia W1_ja − Σ_o W2_oi W2_oj, [hidden, hidden] row-major; its diagonal are the
 * neuron charges. Unit: that of θ², or of g².
 *
 * @see arXiv 2505.12387; derivation in the file head
 * @example layerCharge({ inputs: 1, hidden: 1, outputs: 1 }, [3, 2], new Float64Array(1)) // [5]
 */
export function layerCharge(
  { inputs, hidden, outputs }: LayerPair,
  theta: ArrayLike<number>,
  out: Float64Array,
): Float64Array {
  const second = hidden * inputs;
  for (let i = 0; i < hidden; i += 1) {
    for (let j = i; j < hidden; j += 1) {
      let sum = 0;
      for (let a = 0; a < inputs; a += 1) sum += theta[i * inputs + a]! * theta[j * inputs + a]!;
      for (let o = 0; o < outputs; o += 1) {
        sum -= theta[second + o * hidden + i]! * theta[second + o * hidden + j]!;
      }
      out[i * hidden + j] = sum;
      out[j * hidden + i] = sum;
    }
  }
  return out;
}
