/** All mutants: what is wrong with each, how it is started, and the cases that it makes fail. */
export const mutants: never[] = [];
export const provenCases = (): Set<string> => new Set();
