/** What the gateway takes at once, from one village and from all of them together. */

export interface GatewayLimits {
  /** Requests of one village under way at once. A node has two batches on their way, and small requests beside them. */
  villageRequests: number;
  /** Requests of one village a minute; as many may come at once after a quiet minute. */
  villageRequestsPerMinute: number;
  /** Bytes of one body, decompressed. */
  bodyBytes: number;
  /** Bytes of all bodies in memory: three quarters as they arrive, one quarter decompressed and at work. */
  bodiesBytes: number;
  /** Bodies decompressed and on their way into the store at once: more of them make none of them faster. */
  bodiesAtWork: number;
  /** Milliseconds a body waits for its turn before it is sent away. Below the time a node waits for an answer. */
  maxWaitMs: number;
  /** Milliseconds a body may pause on its way in. */
  bodyPauseMs: number;
  /** Failed logins a minute from one address, as one village. */
  failedLoginsPerVillage: number;
  /** Failed logins a minute from one address. */
  failedLoginsPerAddress: number;
}

export const DEFAULT_LIMITS: GatewayLimits = {
  villageRequests: 8,
  villageRequestsPerMinute: 3_000,
  bodyBytes: 16 * 1024 * 1024,
  bodiesBytes: 64 * 1024 * 1024,
  bodiesAtWork: 4,
  maxWaitMs: 10_000,
  bodyPauseMs: 30_000,
  failedLoginsPerVillage: 10,
  failedLoginsPerAddress: 100,
};
