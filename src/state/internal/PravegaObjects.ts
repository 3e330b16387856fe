/**
 * Which objects the stream of a query's state has, as its entries say one after the other. All who read the stream agree, also
 * those who begin where it was truncated. It reads nothing itself.
 */
import type { PravegaEntry } from "./PravegaEntry.ts"

/** Where an object's part stands. @category models @since 0.2.0 */
export interface Place {
  readonly start: bigint
  readonly end: bigint
}

/** @category models @since 0.2.0 */
export interface StoredObject {
  /** The try that has made it. */
  readonly attempt: string
  readonly places: ReadonlyArray<Place>
}

/** @category models @since 0.2.0 */
export class PravegaObjects {
  readonly objects = new Map<string, StoredObject>()
  /** Tries that are not whole, by name and try. */
  private readonly begun = new Map<string, Array<Place>>()

  add(entry: PravegaEntry, place: Place): void {
    switch (entry.kind) {
      case "deleted":
        this.objects.delete(entry.name)
        return
      case "floor":
        for (const [key, places] of this.begun) {
          if ((places[0]?.start ?? entry.before) < entry.before) this.begun.delete(key)
        }
        return
      case "part":
      case "copy":
        return this.addPart(entry, place)
    }
  }

  /** The bytes of what counts. */
  get size(): bigint {
    let size = 0n
    for (const { places } of this.objects.values()) for (const { end, start } of places) size += end - start
    return size
  }

  /** The object that begins first. */
  get first(): readonly [string, StoredObject, bigint] | undefined {
    let first: readonly [string, StoredObject, bigint] | undefined
    for (const [name, object] of this.objects) {
      const start = object.places[0]?.start ?? 0n
      if (first === undefined || start < first[2]) first = [name, object, start]
    }
    return first
  }

  private addPart({ attempt, count, index, kind, name }: PravegaEntry & { kind: "part" | "copy" }, place: Place): void {
    const key = `${kind} ${name} ${attempt}`
    const places = index === 0 ? [] : this.begun.get(key)
    // its first parts are gone, or stand after a gap: it will not be whole
    if (places === undefined || places.length !== index) return void this.begun.delete(key)
    places.push(place)
    this.begun.set(key, places)
    if (places.length < count) return
    this.begun.delete(key)
    // Whoever comes second finds the name taken. A copy is appended only while the object is there; where reading began after
    // the truncation that it was made for, it is all that there is.
    if (kind === "copy" || !this.objects.has(name)) this.objects.set(name, { attempt, places })
  }
}
