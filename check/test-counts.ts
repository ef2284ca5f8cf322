/** What is asked of a run of test files, and what comes of it. */
export type SkippedTest = { file: string; name: string; reason: string };
export type TestCounts = {
  passed: number;
  failed: number;
  skipped: SkippedTest[];
  failures: string[];
  /** Each file and how long it took, in the order in which they ended. */
  durations: { file: string; seconds: number }[];
};
export type TestRequest = {
  files: readonly string[];
  concurrency: number;
  fileSeconds: number;
  signal: AbortSignal;
  /** Added to the environment, unless already set. */
  env?: Readonly<Record<string, string>>;
  /** Whether files share processes; default: each has one of its own. */
  together?: boolean;
};
