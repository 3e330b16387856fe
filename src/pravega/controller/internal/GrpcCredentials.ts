/**
 * How a channel of grpc-js encrypts its connections: as those to the segment stores are. Its own way sends an address as
 * a server name, which TLS forbids (RFC 6066, section 3): Node warns of it up to version 24, and refuses it from 26 on.
 *
 * @internal
 */
import * as grpc from "@grpc/grpc-js"
import type { Socket } from "node:net"
import type { SecureContext } from "node:tls"
import * as ControllerAddress from "../ControllerAddress.ts"
import type { TlsOptions } from "../ControllerTransport.ts"
import { connectOptions } from "../TlsProblem.ts"

/** Of one endpoint. Throws for certificates that can't be read. @internal @category constructors @since 0.2.0 */
export const make = (endpoint: string, secure: boolean, tls: TlsOptions = {}): grpc.ChannelCredentials =>
  secure ? new Encrypted(endpoint, tls) : grpc.credentials.createInsecure()

type Connector = ReturnType<grpc.ChannelCredentials["_createSecureConnector"]>

class Encrypted extends grpc.ChannelCredentials {
  private readonly settings: ReturnType<typeof connectOptions> & { readonly secureContext: SecureContext }
  /** What there is besides the connection. */
  private readonly plain = grpc.credentials.createInsecure()

  constructor(endpoint: string, tls: TlsOptions) {
    super()
    const { host, port } = ControllerAddress.hostAndPort(endpoint)
    const settings = connectOptions(host, port, tls)
    this.settings = { ...settings, secureContext: process.getBuiltinModule("node:tls").createSecureContext(settings) }
  }

  override _isSecure(): boolean {
    return true
  }

  override _equals(other: grpc.ChannelCredentials): boolean {
    return this === other
  }

  override _createSecureConnector(
    ...[target, options, call]: Parameters<grpc.ChannelCredentials["_createSecureConnector"]>
  ): Connector {
    const inner = this.plain._createSecureConnector(target, options, call)
    return {
      connect: (socket) => this.connect(socket),
      waitForReady: () => inner.waitForReady(),
      getCallCredentials: () => inner.getCallCredentials(),
      destroy: () => inner.destroy()
    }
  }

  private connect(socket: Socket): Promise<Awaited<ReturnType<Connector["connect"]>>> {
    return new Promise((resolve, reject) => {
      const { connect } = process.getBuiltinModule("node:tls")
      // certificate and host are verified before it calls back
      const encrypted = connect(
        { ...this.settings, socket, ALPNProtocols: ["h2"] },
        () => resolve({ socket: encrypted, secure: true })
      )
      encrypted.on("error", reject)
    })
  }
}
