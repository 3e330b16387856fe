/**
 * Which bytes the values of a Schema have as keys. The form is worked out once from the Schema; then it writes and reads.
 *
 * Not a check of values: a value that is none of its Schema's may be refused, or not.
 *
 * @internal
 */
import * as DateTime from "effect/DateTime"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as SchemaAST from "effect/SchemaAST"
import { compareTexts } from "../../Place.ts"
import { NotOrderable, type OrderedWriter } from "./OrderedBytes.ts"
import * as Simple from "./SimpleForm.ts"
import { expected, type KeyForm, type Kind, kinds } from "./SimpleForm.ts"

const absent = 0
const present = 1

/**
 * Works out the form of a Schema's values; throws `NotOrderable` where there is none.
 *
 * @category constructors
 * @since 0.2.0
 */
export const of = (ast: SchemaAST.AST): KeyForm => {
  switch (ast._tag) {
    case "String":
    case "TemplateLiteral":
      return Simple.text
    case "Number":
      return Simple.number
    case "BigInt":
      return Simple.bigint
    case "Boolean":
      return Simple.boolean
    case "Null":
      return Simple.constant("null", null)
    case "Undefined":
    case "Void":
      return Simple.constant("undefined", undefined)
    case "Literal":
      return Simple.ofLiteral(ast.literal)
    case "Enum":
    case "Union":
      return ofUnion(ast)
    case "Arrays":
      return ofArrays(ast)
    case "Objects":
      return ofObjects(ast)
    case "Declaration":
      return ofDeclaration(ast)
    default:
      throw new NotOrderable(`${ast._tag} has no canonical bytes`)
  }
}

const option = (some: KeyForm): KeyForm => ({
  kind: "option",
  write: (value, to) => {
    if (!Option.isOption(value)) throw expected("an Option", value)
    writeOptional(some, Option.getOrUndefined(value), Option.isSome(value), to)
  },
  read: (from) => from.byte() === absent ? Option.none() : Option.some(some.read(from)),
  description: `option(${some.description})`
})

const writeOptional = (form: KeyForm, value: unknown, isPresent: boolean, to: OrderedWriter): void => {
  to.byte(isPresent ? present : absent)
  if (isPresent) form.write(value, to)
}

/** Elements one after the other; what may be missing, and each of a rest, has a byte in front: a shorter one is the lesser. */
const ofArrays = (ast: SchemaAST.Arrays): KeyForm => {
  if (ast.rest.length > 1) throw new NotOrderable("elements behind a rest have no canonical bytes")
  const elements = ast.elements.map((element) => ({ form: of(element), isOptional: SchemaAST.isOptional(element) }))
  const rest = ast.rest[0] === undefined ? undefined : of(ast.rest[0])
  const described = elements.map(({ form, isOptional }) => `${form.description}${isOptional ? "?" : ""}`)
  return {
    kind: "tuple",
    write: (value, to) => {
      if (!Array.isArray(value)) throw expected("an array", value)
      for (const [index, { form, isOptional }] of elements.entries()) {
        if (isOptional) writeOptional(form, value[index], index < value.length, to)
        else form.write(value[index], to)
      }
      if (rest === undefined) return
      for (let index = elements.length; index < value.length; index++) writeOptional(rest, value[index], true, to)
      to.byte(absent)
    },
    read: (from) => {
      const values: Array<unknown> = []
      for (const { form, isOptional } of elements) {
        if (!isOptional || from.byte() === present) values.push(form.read(from))
      }
      while (rest !== undefined && from.byte() === present) values.push(rest.read(from))
      return values
    },
    description: `tuple(${[...described, ...rest === undefined ? [] : [`...${rest.description}`]].join()})`
  }
}

interface Field {
  readonly name: string
  readonly form: KeyForm
  readonly isOptional: boolean
}

/** By the names' order, so that the order in which a Schema lists its fields is of no importance. */
const ofObjects = (ast: SchemaAST.Objects, tag?: string): KeyForm => {
  if (ast.indexSignatures.length > 0) throw new NotOrderable("a record has no canonical bytes: use an array of pairs")
  const fields: Array<Field> = []
  for (const { name, type } of ast.propertySignatures) {
    if (typeof name !== "string") throw new NotOrderable(`the field ${String(name)} is none with a text as name`)
    const isOptional = SchemaAST.isOptional(type)
    if (name !== tag) fields.push({ name, form: of(isOptional ? withoutUndefined(type) : type), isOptional })
  }
  fields.sort((a, b) => compareTexts(a.name, b.name))
  return {
    kind: "struct",
    write: (value, to) => {
      if (typeof value !== "object" || value === null) throw expected("an object", value)
      for (const { form, isOptional, name } of fields) {
        const field: unknown = Reflect.get(value, name)
        if (isOptional) writeOptional(form, field, field !== undefined, to)
        else form.write(field, to)
      }
    },
    read: (from) => {
      const read: { [name: string]: unknown } = {}
      for (const { form, isOptional, name } of fields) {
        if (!isOptional || from.byte() === present) read[name] = form.read(from)
      }
      return read
    },
    description: `struct(${
      fields.map(({ form, isOptional, name }) => `${JSON.stringify(name)}${isOptional ? "?" : ""}:${form.description}`)
        .join()
    })`
  }
}

/** A field that may be undefined and one that is missing are the same key. */
const withoutUndefined = (ast: SchemaAST.AST): SchemaAST.AST => {
  if (!SchemaAST.isUnion(ast)) return ast
  const types = ast.types.filter((type) => !SchemaAST.isUndefined(type))
  return types.length === 1 ? types[0]! : new SchemaAST.Union(types)
}

const ofUnion = (ast: SchemaAST.Union | SchemaAST.Enum): KeyForm => {
  const { forms, structs } = membersOf(ast)
  if (structs.length === 0) return union(distinct(forms))
  return union([...distinct(forms), structs.length === 1 ? ofObjects(structs[0]!) : tagged(structs)])
}

interface Members {
  readonly forms: ReadonlyArray<KeyForm>
  readonly structs: ReadonlyArray<SchemaAST.Objects>
}

const membersOf = (ast: SchemaAST.AST): Members => {
  if (SchemaAST.isEnum(ast)) return { forms: ast.enums.map(([, value]) => Simple.ofLiteral(value)), structs: [] }
  if (SchemaAST.isObjects(ast)) return { forms: [], structs: [ast] }
  if (!SchemaAST.isUnion(ast)) return { forms: [of(ast)], structs: [] }
  const members = ast.types.map(membersOf)
  return { forms: members.flatMap(({ forms }) => forms), structs: members.flatMap(({ structs }) => structs) }
}

const distinct = (forms: ReadonlyArray<KeyForm>): ReadonlyArray<KeyForm> => [
  ...new Map(forms.map((form) => [form.description, form])).values()
]

/** A byte says which kind a value is of, if there are several. */
const union = (forms: ReadonlyArray<KeyForm>): KeyForm => {
  if (forms.length === 1) return forms[0]!
  const byKind = new Map(forms.map((form) => [form.kind, form]))
  if (byKind.size < forms.length) {
    throw new NotOrderable(
      `of the union's members ${forms.map(({ description }) => description).join(" and ")}, ` +
        `several are of one kind: give each a literal field of one name, as "_tag"`
    )
  }
  const byNumber = new Map(forms.map((form) => [kinds[form.kind] as number, form]))
  return {
    kind: "struct",
    write: (value, to) => {
      const form = byKind.get(kindOf(value))
      if (form === undefined) throw expected(Array.from(byKind.keys()).join(" or "), value)
      to.byte(kinds[form.kind])
      form.write(value, to)
    },
    read: (from) => {
      const number = from.byte()
      const form = byNumber.get(number)
      if (form === undefined) throw new NotOrderable(`no member of the union has the number ${number}`)
      return form.read(from)
    },
    description: `union(${forms.map(({ description }) => description).toSorted(compareTexts).join()})`
  }
}

const kindOf = (value: unknown): Kind => {
  switch (typeof value) {
    case "string":
      return "text"
    case "number":
      return "number"
    case "bigint":
      return "bigint"
    case "boolean":
      return "boolean"
    case "undefined":
      return "undefined"
    default:
      if (value === null) return "null"
      if (Array.isArray(value)) return "tuple"
      if (value instanceof Uint8Array) return "bytes"
      if (Option.isOption(value)) return "option"
      return value instanceof Date || DateTime.isDateTime(value) ? "time" : "struct"
  }
}

/** Structs of which each has another literal in a field of the same name: by that, and then by the other fields. */
const tagged = (structs: ReadonlyArray<SchemaAST.Objects>): KeyForm => {
  const tag = tagOf(structs)
  const members = new Map<unknown, KeyForm>()
  const forms: Array<KeyForm> = []
  for (const struct of structs) {
    const literal = literals(struct).get(tag)!
    members.set(literal, ofObjects(struct, tag))
    forms.push(Simple.ofLiteral(literal))
  }
  const tags = union(distinct(forms))
  const described = Array.from(
    members,
    ([literal, { description }]) => `${JSON.stringify(String(literal))}:${description}`
  )
  return {
    kind: "struct",
    write: (value, to) => {
      if (typeof value !== "object" || value === null) throw expected("an object", value)
      const literal: unknown = Reflect.get(value, tag)
      const form = members.get(literal)
      if (form === undefined) throw new NotOrderable(`no member of the union has the ${tag} ${String(literal)}`)
      tags.write(literal, to)
      form.write(value, to)
    },
    read: (from) => {
      const literal = tags.read(from)
      const form = members.get(literal)
      if (form === undefined) throw new NotOrderable(`no member of the union has the ${tag} ${String(literal)}`)
      return Object.assign({ [tag]: literal }, form.read(from))
    },
    description: `tagged(${JSON.stringify(tag)},${described.toSorted(compareTexts).join()})`
  }
}

const tagOf = (structs: ReadonlyArray<SchemaAST.Objects>): string => {
  const [first, ...others] = structs.map(literals)
  for (const name of Array.from(first!.keys()).toSorted(compareTexts)) {
    const values = [first!, ...others].map((fields) => fields.get(name))
    if (!values.includes(undefined) && new Set(values).size === structs.length) return name
  }
  throw new NotOrderable(`structs of a union need a literal field of one name, as "_tag", that tells them apart`)
}

const literals = ({ propertySignatures }: SchemaAST.Objects): ReadonlyMap<string, SchemaAST.LiteralValue> => {
  const found = new Map<string, SchemaAST.LiteralValue>()
  for (const { name, type } of propertySignatures) {
    if (typeof name === "string" && SchemaAST.isLiteral(type) && !SchemaAST.isOptional(type)) {
      found.set(name, type.literal)
    }
  }
  return found
}

const ofDeclaration = (ast: SchemaAST.Declaration): KeyForm => {
  switch (representationOf(ast)) {
    case "effect/schema/Date":
      return Simple.date
    case "effect/schema/DateTimeUtc":
      return Simple.utc
    case "effect/schema/Uint8Array":
      return Simple.bytes
    case "effect/schema/Option":
      return option(of(ast.typeParameters[0]!))
    default:
      return byJson(ast)
  }
}

const representationOf = ({ annotations }: SchemaAST.Declaration): unknown => {
  const representation = annotations?.["representation"]
  return typeof representation === "object" && representation !== null && "id" in representation
    ? representation.id
    : undefined
}

/** Any other class of values: by its JSON, which says what is equal, but not always what comes first. */
const byJson = (ast: SchemaAST.Declaration): KeyForm => {
  const codec = Schema.toCodecJson(Schema.make<Schema.Codec<unknown, unknown>>(ast))
  const form = of(SchemaAST.toEncoded(codec.ast))
  const encode = Schema.encodeSync(codec)
  const decode = Schema.decodeUnknownSync(codec)
  return {
    kind: "struct",
    write: (value, to) => form.write(encode(value), to),
    read: (from) => decode(form.read(from)),
    description: `json(${form.description})`
  }
}
