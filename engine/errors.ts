/**
 * Every error thermograd throws on purpose. A message reads *where: fact, numbers; remedy.*
 *
 * `ThermogradError` marks the user's business (exit code 2 on the command line, no stack trace);
 * anything else that escapes is ours, and `invariant` guards it.
 */

/** Base class: the message is complete and meant for the user. */
export class ThermogradError extends Error {
  override readonly name: string = "ThermogradError";
}

/** Operands of an operation do not fit. */
export class ShapeError extends ThermogradError {
  override readonly name = "ShapeError";
}

/** A setting, argument or option is wrong. */
export class ArgumentError extends ThermogradError {
  override readonly name = "ArgumentError";
}

/** Data that cannot be used: NaN, wrong lengths, labels out of range. */
export class DataError extends ThermogradError {
  override readonly name = "DataError";
}

/** A limit of the device or of a schedule is passed. */
export class LimitError extends ThermogradError {
  override readonly name = "LimitError";
}

/** No WebGPU adapter, or not the one asked for. */
export class NoAdapterError extends ThermogradError {
  override readonly name = "NoAdapterError";
}

/** The device went away (driver reset, watchdog, out of memory). */
export class DeviceLostError extends ThermogradError {
  override readonly name = "DeviceLostError";
}

/** WGSL that does not link or compile; message has file, line and source. */
export class ShaderError extends ThermogradError {
  override readonly name = "ShaderError";
}

/** Bytes that are not a checkpoint, are damaged, or belong to another run. */
export class CheckpointError extends ThermogradError {
  override readonly name = "CheckpointError";
}

/** Replicas left the bound and the caller asked for `onDiverge: "throw"`. */
export class DivergedError extends ThermogradError {
  override readonly name = "DivergedError";
}

/** An iteration did not arrive; `theta` is where it stopped. */
export class ConvergenceError extends ThermogradError {
  override readonly name = "ConvergenceError";
  readonly theta: Float64Array;
  constructor(message: string, theta: Float64Array) {
    super(message);
    this.theta = theta;
  }
}

/** An estimator declines: the data cannot carry the estimate. `estimate` is the value so far. */
export class RefusalError<Estimate = unknown> extends ThermogradError {
  override readonly name: string = "RefusalError";
  readonly estimate: Estimate;
  constructor(message: string, estimate: Estimate) {
    super(message);
    this.estimate = estimate;
  }
}

/** Internal contradiction: a bug of ours. */
export function invariant(condition: unknown, message: string): asserts condition {
  if (!condition) throw new Error(`invariant: ${message} (a bug in thermograd)`);
}
