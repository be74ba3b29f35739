/**
 * sockbench as a library, for a test suite of one's own: what the commands do, as functions that return what
 * the commands print. Nothing here prints, exits or writes files.
 */
export { compareRecords as compare, compareServers } from "./bench/compare/compare.ts";
export type { Comparison, FigureComparison, FigureVerdict } from "./bench/compare/comparison.ts";
export { type Ranking, rank } from "./bench/compare/ranking.ts";
export { sentence, verdictText } from "./bench/compare/words.ts";
export { type BenchRequest, bench } from "./bench/library.ts";
export { type Metric, metrics, metricTable } from "./bench/record/metrics.ts";
export { type RunRecord, readRecord, type Sample, writeRecord } from "./bench/record/record.ts";
export { type ConformOptions, type ConformReport, conform } from "./conformance/library.ts";
export { Failure } from "./platform/failure.ts";
