/**
 * One query over many workers: the parts of its batches are processed by threads, or by other processes.
 *
 * @since 0.2.0
 */
export * as Workers from "./Workers.ts"
