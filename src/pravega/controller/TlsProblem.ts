/**
 * What is wrong between two ends that can't agree on TLS: read from the errors of Node's sockets, or found out with a
 * connection of its own where those don't tell. Other failures of connections are none of its business.
 *
 * @since 0.2.0
 */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type { TLSSocket } from "node:tls"
import type { TlsOptions } from "./ControllerTransport.ts"
import { TlsFailed } from "./TlsFailed.ts"

const codeOf = (cause: unknown): string =>
  cause instanceof Error && "code" in cause && typeof cause.code === "string" ? cause.code : ""

const untrusted =
  /^(UNABLE_TO_|DEPTH_ZERO_SELF_SIGNED|SELF_SIGNED|CERT_UNTRUSTED|CERT_REJECTED|CERT_CHAIN_TOO_LONG|INVALID_)/

/**
 * What an error of a TLS connection means for every other try; undefined: nothing.
 *
 * @category getters
 * @since 0.2.0
 */
export const explain = (cause: unknown): string | undefined => {
  const code = codeOf(cause)
  const text = cause instanceof Error ? cause.message : String(cause)
  if (code === "CERT_HAS_EXPIRED") return "its certificate has expired (CERT_HAS_EXPIRED): the server needs a new one"
  if (code === "CERT_NOT_YET_VALID") return "its certificate is not valid yet (CERT_NOT_YET_VALID): look at the clocks"
  if (code === "ERR_TLS_CERT_ALTNAME_INVALID" || code === "HOSTNAME_MISMATCH") {
    return `its certificate is another host's (${text}): use a name that is in it, or switch tls.verifyHostName off`
  }
  if (untrusted.test(code)) {
    return `no trusted authority signed its certificate (${code}): give the authority's certificate as tls.ca ` +
      "(PRAVEGA_TLS_CA)"
  }
  if (/certificate.required|handshake.failure/i.test(`${code} ${text}`)) {
    return `it refuses a client without a certificate (${code}): give one as tls.certificate`
  }
  if (/alert.(unknown.ca|bad.certificate|certificate)/i.test(`${code} ${text}`.replaceAll("_", " "))) {
    return `it refuses the client's certificate (${code})`
  }
  if (/wrong.version.number|packet.length.too.long|http.request/i.test(`${code} ${text}`)) {
    return `it does not speak TLS on this port (${code}): use tcp://, or the port that does`
  }
  // settings that can't be read, and what else OpenSSL and Node refuse before anything is sent
  return /^(ERR_SSL_|ERR_OSSL_|ERR_TLS_|EPROTO)/.test(code) ? `${text} (${code})` : undefined
}

/** The handshake, and the time in which the other end may refuse what this end has done of it. */
const probeMillis = 2000

/**
 * Connects once, to find out whether the ends agree on TLS at all. `tls`: what the client would do; undefined: it speaks
 * none. Answers nothing where all is well, or it is not TLS that is wrong.
 *
 * @category getters
 * @since 0.2.0
 */
export const probe = (
  server: string,
  { host, port }: { readonly host: string; readonly port: number },
  tls: TlsOptions | undefined
): Effect.Effect<TlsFailed | undefined> =>
  Effect.callback<TlsFailed | undefined>((resume) => {
    const { connect } = process.getBuiltinModule("node:tls")
    const settings = tls === undefined ? { host, port, rejectUnauthorized: false } : connectOptions(host, port, tls)
    const failed = (problem: string, cause?: unknown) =>
      resume(Effect.succeed(new TlsFailed({ server, problem, ...(cause === undefined ? {} : { cause }) })))
    let socket: TLSSocket
    try {
      socket = connect({ ...settings, ALPNProtocols: ["h2"] })
    } catch (cause) {
      return failed(explain(cause) ?? String(cause), cause)
    }
    socket.on("error", (cause) => {
      const problem = tls === undefined ? undefined : explain(cause)
      if (problem === undefined) resume(Effect.undefined)
      else failed(problem, cause)
    })
    socket.on("close", () => resume(Effect.undefined))
    socket.on("secureConnect", () => {
      // with TLS, a server that asks for a certificate refuses after the handshake: that is waited for
      if (tls === undefined) failed("it speaks TLS on this port: use tls://, or the port that speaks none")
    })
    return Effect.sync(() => socket.destroy())
  }).pipe(
    Effect.timeoutOption(probeMillis),
    Effect.map(Option.getOrUndefined)
  )

/**
 * How Node is to open a TLS connection.
 *
 * @category converting
 * @since 0.2.0
 */
export const connectOptions = (host: string, port: number, options: TlsOptions) => ({
  host,
  port,
  ...(process.getBuiltinModule("node:net").isIP(host) === 0 ? { servername: host } : {}),
  ...(options.ca === undefined ? {} : { ca: pem(options.ca) }),
  ...(options.certificate === undefined
    ? {}
    : { cert: pem(options.certificate.chain), key: pem(options.certificate.key) }),
  ...(options.verifyHostName === false ? { checkServerIdentity: () => undefined } : {})
})

const pem = (text: string | Uint8Array): string | Buffer => (typeof text === "string" ? text : Buffer.from(text))
