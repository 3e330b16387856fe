/**
 * An embedded Pravega: a server that speaks Pravega's protocols, in this process. A client of one is
 * `Pravega.layerEmbedded`; this is for those who want the server itself: on sockets, or for several clients.
 *
 * @since 0.1.0
 */
export * as Embedded from "./Embedded.ts"
export * as EmbeddedError from "./EmbeddedError.ts"
