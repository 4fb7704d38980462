// Sizes that every sampling law shares: N and the largest batch of any condition.
// twin: arguments `samples`, `batchSize` of engine/sampling.ts batchIndices

const SAMPLES: u32 = 8u; //#param
const MAX_BATCH: u32 = 8u; //#param
