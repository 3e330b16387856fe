/** Where others decided otherwise than we did: cases that are not run, and expectations that are not ours, each with the reason. */

/** Not run. */
export const notOurs: Readonly<Record<string, string>> = {
  "beam-early-results-by-clock": "a window of which all was told before its end is not told again at it",
  "flink-session-count-trigger-merge": "sessions have no trigger by count that forgets what it told",
  "flink-session-small-lateness-accumulating": "a final result comes once, when the grace is over",
  "flink-session-small-lateness-discarding": "a final result comes once, when the grace is over",
  "flink-ttl-expired-returned-once": "what is over is never seen",
  "flink-valve-all-idle":
    "a segment that is not idle any more holds the watermark back also while it is behind: no more of its events are late than were",
  "kafka-hopping-updates": "windows before time 0 exist",
  "kafka-session-apart":
    "a session ends where its last event's gap ends; with an inclusive gap of 300000 that is 1 ms later",
  "kafka-sliding-per-event-small": "there are no windows that are made by single events; Window.sliding has a grid",
  "kafka-stream-table-late-within-grace":
    "at a watermark of 1 a table's row of time 1 may still come: the event of this time waits",
  "quix-as-of-join-grace":
    "an event waits until the watermark has passed its time, for then all rows of its time have come",
  "spark-event-time-timeout":
    "there is no function per key and batch: what it makes would depend on where the input is cut",
  "spark-interval-join-asymmetric": "a time equal to the watermark is in time",
  "spark-interval-join-open-ended": "both bounds are required, else one side could never be freed",
  "spark-join-match-and-eviction-in-one-batch": "what a batch closes comes out with it, not with the next one",
  "spark-one-batch-per-run": "what a batch closes comes out with it, not with the next one",
  "spark-policy-max": "the slowest source that is not idle decides; that one runs ahead is what maxDrift is for",
  "spark-self-join-left-no-false-nulls":
    "one source has one watermark, so that unmatched rows come a batch earlier; that none comes falsely is a property (F4)",
  "spark-window-join-left-condition-on-both":
    "what has no partner comes alone when none can come any more, whatever a condition says of those that are there",
  "spark-session-complete-merges-backwards": "touching sessions stay apart, and a batch does not tell all that there is"
}

/** Run, but for the count of what was dropped, which is in another unit: ours is of events. */
export const droppedEvents: Readonly<Record<string, number>> = {
  "kafka-late-beyond-grace-per-window": 5,
  "spark-window-of-windows": 10
}

/** Run, but for how many rows are kept. */
export const keptLonger: Readonly<Record<string, string>> = {
  "spark-dedup-with-watermark": "a time equal to the watermark is in time, so its row is kept"
}
