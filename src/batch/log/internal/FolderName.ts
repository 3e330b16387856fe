/**
 * Whether a query's name can be the name of its folder, on all file systems: two names that differ in case only are one
 * where names have no case, and Windows keeps some for devices and drops dots at the end. A folder that is there under
 * the very name is right where it is: logs that were made before go on.
 */
const device = /^(con|prn|aux|nul|com\d|lpt\d)(\.|$)/i

/** What is wrong, given the names that are there; undefined: nothing. @category guards @since 0.2.0 */
export const problem = (name: string, there: ReadonlyArray<string>): string | undefined => {
  if (there.includes(name)) return undefined
  if (device.test(name)) return "Windows keeps it for a device"
  if (name.endsWith(".")) return "Windows drops the dot at its end"
  const other = there.find((one) => one.toLowerCase() === name.toLowerCase())
  return other === undefined ? undefined : `"${other}" is there, and is the same where file names have no case`
}
