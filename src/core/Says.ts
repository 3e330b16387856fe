/**
 * How the compiler is made to say a sentence of ours where types do not fit. Types only.
 */

/** Never fits: the name of what is missing is the sentence. @category utility types @since 0.2.0 */
export type Says<Sentence extends string> = { readonly [K in `~${Sentence}`]: never }
