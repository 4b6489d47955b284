/** How a publication ended. */
export interface PublishOutcome {
  /**
   * `stored`: the batch is in the stream. `refused`: it is not, because another node has written.
   * `unknown`: NATS did not answer.
   */
  status: "stored" | "refused" | "unknown";
  /** The last sequence of the stream, if the batch is stored. */
  position: number;
  reason: string;
}
