/** Figure of card 2A: distance of a step from the flows against the learning rate. */
import type { Figure, Mark } from "../experiment.ts";
import type { Ladder } from "./ladder.ts";

export interface DevicePoint {
  readonly eta: number;
  readonly distance: number;
}

/** Distances of all corrections; a line of the predicted order through the last point of each. */
export function distanceFigure(
  ladders: readonly Ladder[],
  device: readonly DevicePoint[],
  starts: number,
): Figure {
  const shown = ladders.filter(({ distances }) => distances.every((value) => value > 0));
  const measured = shown.map(
    ({ correction, limit, rates, distances }): Mark => ({
      kind: "points",
      label: `${correction}, order ${limit.value.toFixed(3)}`,
      role: "measured",
      x: rates,
      y: distances,
    }),
  );
  const lines = shown.map(({ correction, order, rates, distances }): Mark => {
    const [rate, distance] = [rates.at(-1)!, distances.at(-1)!];
    return {
      kind: "line",
      label: `order ${order}, ${correction}`,
      role: "theory",
      x: rates,
      y: rates.map((eta) => distance * (eta / rate) ** order),
    };
  });
  const onDevice: Mark[] =
    device.length === 0
      ? []
      : [
          {
            kind: "points",
            label: "+eta/4, float32 on the device",
            role: "measured",
            x: device.map(({ eta }) => eta),
            y: device.map(({ distance }) => distance),
          },
        ];
  return {
    id: "distance",
    title: "A step of gradient descent beside gradient flows",
    caption:
      `Distance between a step and the flow of L + cη|∇L|² over the time η, root mean square over ${starts} ` +
      "starts. Only c = 1/4 removes the order η². Orders are extrapolated to η = 0; lines have the " +
      "predicted orders and pass through the points of the smallest rate.",
    x: { label: "learning rate η", unit: "θ²/loss", scale: "log" },
    y: { label: "|step − flow|", unit: "θ", scale: "log" },
    marks: [...lines, ...measured, ...onDevice],
  };
}
