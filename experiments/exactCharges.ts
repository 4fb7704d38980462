/**
 * Card 2B: the charges of a layer pair change by exactly η² gᵀAg in each SGD step, for every batch and
 * every η, where the symmetry holds; where it does not they change by more.
 *
 * Linear layers have the matrix charge W1 W1ᵀ − W2ᵀ W2, ReLU only its diagonal, tanh none. The gradient of
 * a step is read off the velocity, which without momentum is −G_t after step t: nothing is
 * reconstructed from differences of θ.
 */
import { ArgumentError } from "../engine/errors.ts";
import type { RunRecord } from "../engine/record.ts";
import { type Activation, layerPairSize } from "../models/index.ts";
import { chargeFigures, violationFigure } from "./exactCharges/figures.ts";
import { CHARGES, type Charge } from "./exactCharges/ledger.ts";
import { type ActivationLedgers, deviceLedger, twinLedger } from "./exactCharges/runs.ts";
import { type ChargeSettings, chargeSettings, layersOf, setup } from "./exactCharges/settings.ts";
import { exactly } from "./exactly.ts";
import type { Experiment, Quantity } from "./experiment.ts";
import { Stages } from "./stages.ts";
import { F32 } from "./systematic.ts";

const ACTIVATIONS: readonly Activation[] = ["linear", "relu", "tanh"];

/** Which charges a step conserves up to η² gᵀAg. */
const HOLDS: Readonly<Record<Activation, Readonly<Record<Charge, boolean>>>> = {
  linear: { neuron: true, matrix: true },
  relu: { neuron: true, matrix: false },
  tanh: { neuron: false, matrix: false },
};

/** Tolerances of card 2B, relative to (|θ| + η|G|)². */
const CARD = { float64: 1e-12, device: 1e-5 } as const;
const ROUNDOFF = { float64: 2 ** -53, device: F32 } as const;
type Arithmetic = keyof typeof CARD;

/**
 * Bounds on rounding of a step, relative to (|θ| + η|G|)²; never above the card's tolerance.
 *
 * θ' is rounded by u(|θ'| + 2η|G|) (velocity, product, sum), which moves Q by twice |θ'| of it: at most
 * 4u. G is a sum over units and batch, off by about one u for each term, which moves Q by 2η|θ||δG|; a
 * factor 4 is for terms that cancel. Together below 2u(6 + inputs + hidden + outputs + batch size).
 */
function roundingBounds(p: ChargeSettings): Readonly<Record<Arithmetic, number>> {
  const batch = p.sampling === "fullBatch" ? p.samples : p.batchSize;
  const terms = 6 + p.inputs + p.hidden + p.outputs + batch;
  const of = (arithmetic: Arithmetic): number =>
    Math.min(CARD[arithmetic], 2 * terms * ROUNDOFF[arithmetic]);
  return { float64: of("float64"), device: of("device") };
}

/** Numbers of θ and v in all snapshots, at most: 400 MB in float64. */
const LARGEST = 5e7;

export const exactCharges: Experiment<typeof chargeSettings> = {
  id: "exact-charges",
  title: "Charges of a network change by exactly η² gᵀAg",
  card: "2B",
  sources: ["Neural Thermodynamics I, arXiv 2505.12387"],
  summary:
    "Random two-layer networks with linear, ReLU and tanh units under plain SGD. Every step changes " +
    "each charge of a symmetry by η² gᵀAg to the last digit, in the float64 twin and on the device; " +
    "charges of symmetries that the network does not have are reported beside them, without a claim.",
  parameters: chargeSettings,
  quick: { replicas: 4 },
  explain: (p) =>
    ACTIVATIONS.map((activation) => {
      const { data, ...setting } = setup(p, activation);
      return { ...setting, samples: data.samples };
    }),
  async run(p, context) {
    checkSize(p);
    const work = 6 * p.batchSize * layerPairSize(layersOf(p));
    const stages = await Stages.open(context, 3 * work * p.replicas * (p.steps + 1));
    const ledgers: ActivationLedgers[] = [];
    const records: Record<string, RunRecord> = {};
    const warnings: string[] = [];
    for (const activation of ACTIVATIONS) {
      const device = await deviceLedger(p, activation, work, stages, context);
      const twin = await twinLedger(p, activation, stages, context);
      ledgers.push({ activation, device: device.ledger, float64: twin, curves: device.curves });
      records[activation] = device.record;
      warnings.push(...device.warnings.map((warning) => `${activation}: ${warning}`));
    }
    const bounds = roundingBounds(p);
    const quantities = ledgers.flatMap((ledger) => quantitiesOf(ledger, bounds));
    return {
      quantities,
      warnings: [
        ...warnings,
        ...brokenWarnings(quantities, bounds),
        // With decay charges decay, in the flow as well.
        ...(p.weightDecay === 0 ? flowWarnings(ledgers, bounds) : []),
      ],
      figures: [...chargeFigures(p, ledgers), violationFigure(p, ledgers, bounds)],
      records,
    };
  },
};

function checkSize(p: ChargeSettings): void {
  const numbers = 2 * layerPairSize(layersOf(p)) * p.replicas * (p.steps + 2);
  if (numbers <= LARGEST) return;
  throw new ArgumentError(
    `exact-charges: ${p.replicas} replicas of ${layerPairSize(layersOf(p))} parameters over ` +
      `${p.steps} steps are ${numbers.toPrecision(3)} recorded numbers, the limit is ${LARGEST}; ` +
      "lower replicas, steps or the layers.",
  );
}

type Bounds = ReturnType<typeof roundingBounds>;

function quantitiesOf({ activation, ...ledgers }: ActivationLedgers, bounds: Bounds): Quantity[] {
  return (["float64", "device"] as const).flatMap((arithmetic: Arithmetic) => {
    const worst = ledgers[arithmetic].worst();
    const method = `largest of ${worst.steps} steps, elements and replicas`;
    const alive = worst.steps > 0;
    const quantity = (name: string, charge: Charge, value: number, claim: boolean): Quantity => ({
      name,
      condition: { activation, charge, arithmetic },
      estimate: exactly(alive ? value : Number.NaN, method, worst.steps),
      unit: "|θ|²",
      predicted: claim && alive ? 0 : null,
      systematic: claim ? bounds[arithmetic] : 0,
    });
    return CHARGES.flatMap((charge) => [
      quantity("|dQ - exact|", charge, worst.exact[charge], HOLDS[activation][charge]),
      quantity("|dQ|", charge, worst.flow[charge], false),
    ]);
  });
}

/** Charges without their symmetry: how much more than η² gᵀAg they change by. */
function brokenWarnings(quantities: readonly Quantity[], bounds: Bounds): string[] {
  const broken = quantities.filter(
    ({ name, predicted, condition, estimate }) =>
      name === "|dQ - exact|" &&
      condition.arithmetic === "float64" &&
      predicted === null &&
      estimate.value > bounds.float64,
  );
  if (broken.length === 0) return [];
  const list = broken.map(
    ({ condition, estimate }) =>
      `the ${condition.charge} charge of ${condition.activation} units (${estimate.value.toPrecision(2)} |θ|²)`,
  );
  return [
    `no symmetry, no charge: a step changes ${list.join(", ")} by more than η² gᵀAg, as it must`,
  ];
}

/** Gradient flow conserves charges; a step does not, and the device resolves it. */
function flowWarnings(ledgers: readonly ActivationLedgers[], bounds: Bounds): string[] {
  const list = ledgers.flatMap(({ activation, device }) => {
    const { exact, flow } = device.worst();
    return CHARGES.filter(
      (charge) => HOLDS[activation][charge] && flow[charge] > bounds.device,
    ).map(
      (charge) =>
        `${activation} ${charge} by up to ${flow[charge].toPrecision(2)} |θ|² ` +
        `(${(flow[charge] / exact[charge]).toPrecision(2)} times what is left beside η² gᵀAg)`,
    );
  });
  if (list.length === 0) return [];
  return [`charges are not conserved, as gradient flow has it: a step changes ${list.join(", ")}`];
}
