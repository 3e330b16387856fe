/**
 * Proxies: connections to Pravega use none, as those of Java's client. Where the environment names one, and a connection
 * can't be had, that is worth saying.
 *
 * @since 0.2.0
 */

const variables = ["grpc_proxy", "https_proxy", "http_proxy", "HTTPS_PROXY", "HTTP_PROXY", "all_proxy", "ALL_PROXY"]

/**
 * What to add to why a connection could not be had; nothing where the environment names no proxy. The proxy's address
 * may hold a password, and is not shown.
 *
 * @category formatting
 * @since 0.2.0
 */
export const note = (): string => {
  const named = variables.find((variable) => (process.env[variable] ?? "") !== "")
  return named === undefined ? "" : `; connections to Pravega use no proxy, though ${named} names one`
}
