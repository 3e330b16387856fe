/**
 * What a real Pravega needs to ask its clients who they are, and to encrypt: a file of accounts for its password
 * handler, and certificates of an authority of its own. Made with `openssl` and the JDK's `keytool`.
 */
import { pbkdf2Sync, randomBytes } from "node:crypto"
import * as Fs from "node:fs"
import * as Path from "node:path"
import { findJava, run } from "./javaTools.ts"

export interface Account {
  readonly password: string
  /**
   * What the user may do, as Pravega writes it: `prn::RESOURCE,LEVEL` separated by semicolons, where LEVEL is READ or
   * READ_UPDATE and RESOURCE is a path such as `/scope:market/stream:trades`, in which `*` stands for anything.
   */
  readonly may: string
}

/** The account under which the standalone's own parts talk to each other: it may do everything. */
export const administrator = { user: "admin", password: "1111_aaaa" } as const

const hex = (bytes: Uint8Array | string): string => Buffer.from(bytes).toString("hex")

/** As Pravega's StrongPasswordProcessor keeps them: the hex of `rounds:salt:hash`, with PBKDF2 over SHA-256. */
const hidden = (password: string): string => {
  const rounds = 5000
  const salt = randomBytes(32)
  return hex(`${rounds}:${hex(salt)}:${hex(pbkdf2Sync(password, salt, rounds, 64, "sha256"))}`)
}

/** The lines of the password handler's file: the administrator and these. */
export const accountsFile = (accounts: Readonly<Record<string, Account>>): string => {
  const all: Readonly<Record<string, Account>> = {
    [administrator.user]: { password: administrator.password, may: "prn::*,READ_UPDATE" },
    ...accounts
  }
  return Object.entries(all).map(([user, { may, password }]) => `${user}:${hidden(password)}:${may};\n`).join("")
}

export interface Certificates {
  /** Of the authority: what a client trusts. PEM. */
  readonly authority: string
  readonly certificate: string
  readonly key: string
  readonly keyStore: string
  readonly trustStore: string
  readonly password: string
}

/** Fixed in the standalone's own code. */
const storePassword = "1111_aaaa"

/** A certificate for localhost and 127.0.0.1, in the folder; paths of files. */
export const makeCertificates = async (folder: string): Promise<Certificates> => {
  Fs.mkdirSync(folder, { recursive: true })
  const java = findJava()
  const keytool = java === undefined ? "keytool" : Path.join(Path.dirname(java), "keytool")
  const openssl = (line: string) => run("openssl", line.split(" "), { cwd: folder })
  const stores = (line: string) => run(keytool, line.split(" "), { cwd: folder })
  Fs.writeFileSync(Path.join(folder, "names"), "subjectAltName=DNS:localhost,IP:127.0.0.1")
  Fs.writeFileSync(Path.join(folder, "password"), storePassword)
  await openssl("req -x509 -newkey rsa:2048 -nodes -days 30 -subj /CN=test-authority -keyout ca.key -out ca.crt")
  await openssl("req -newkey rsa:2048 -nodes -subj /CN=localhost -keyout server.key -out server.csr")
  await openssl(
    "x509 -req -in server.csr -CA ca.crt -CAkey ca.key -CAcreateserial -days 30 -out only.crt -extfile names"
  )
  const read = (name: string) => Fs.readFileSync(Path.join(folder, name), "utf8")
  Fs.writeFileSync(Path.join(folder, "server.crt"), read("only.crt") + read("ca.crt"))
  await openssl(
    `pkcs12 -export -in server.crt -inkey server.key -name localhost -passout pass:${storePassword} -out server.p12`
  )
  await stores(
    `-importkeystore -noprompt -srckeystore server.p12 -srcstoretype PKCS12 -srcstorepass ${storePassword} ` +
      `-destkeystore server.jks -deststoretype JKS -deststorepass ${storePassword}`
  )
  await stores(
    `-importcert -noprompt -trustcacerts -file ca.crt -alias ca -storetype JKS -keystore trust.jks -storepass ${storePassword}`
  )
  const path = (name: string) => Path.join(folder, name)
  return {
    authority: path("ca.crt"),
    certificate: path("server.crt"),
    key: path("server.key"),
    keyStore: path("server.jks"),
    trustStore: path("trust.jks"),
    password: path("password")
  }
}
