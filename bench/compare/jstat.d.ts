/** The little of jstat that is used here: its types are not published. */
declare module "jstat" {
  const jStat: {
    studentt: {
      inv: (p: number, degreesOfFreedom: number) => number;
    };
  };
  export default jStat;
}
