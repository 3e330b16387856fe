/** Certificates for tests, of an authority of their own, made with `openssl`. */
import { execFile } from "node:child_process"
import * as Fs from "node:fs"
import * as Path from "node:path"
import { promisify } from "node:util"

const exec = promisify(execFile)

export interface Certificate {
  /** PEM. */
  readonly certificate: string
  readonly key: string
}

/** An authority in the folder. What it signs is for `names`, such as `DNS:localhost,IP:127.0.0.1`. */
export const authority = async (folder: string) => {
  const read = (name: string) => Fs.readFileSync(Path.join(folder, name), "utf8")
  const openssl = (line: string) => exec("openssl", line.split(" "), { cwd: folder })
  const key = "ec -pkeyopt ec_paramgen_curve:prime256v1"
  await openssl(`req -x509 -newkey ${key} -nodes -days 30 -subj /CN=authority -keyout ca.key -out ca.crt`)
  return {
    certificate: read("ca.crt"),
    /** `days`: for how long; negative: it has expired. */
    sign: async (name: string, names: string, days = 30): Promise<Certificate> => {
      await openssl(`req -newkey ${key} -nodes -subj /CN=${name} -keyout ${name}.key -out ${name}.csr`)
      Fs.writeFileSync(Path.join(folder, `${name}.names`), `subjectAltName=${names}`)
      const signing = `x509 -req -in ${name}.csr -CA ca.crt -CAkey ca.key -CAcreateserial -days ${days}`
      await openssl(`${signing} -out ${name}.crt -extfile ${name}.names`)
      return { certificate: read(`${name}.crt`), key: read(`${name}.key`) }
    }
  }
}
