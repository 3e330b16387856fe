/** A plot of a few series on logarithmic axes, as SVG. */

export interface Series {
  readonly name: string
  /** Both above 0. */
  readonly points: ReadonlyArray<readonly [x: number, y: number]>
}

export interface PlotOptions {
  readonly title: string
  readonly xTitle: string
  readonly yTitle: string
  readonly series: ReadonlyArray<Series>
}

const width = 640
const height = 400
const margin = { left: 80, right: 40, top: 40, bottom: 50 }
const colors = ["#1f77b4", "#d62728", "#2ca02c", "#9467bd"]

/** The powers of ten around values. */
const decades = (values: ReadonlyArray<number>): readonly [number, number] => {
  const low = Math.floor(Math.log10(Math.min(...values)))
  const high = Math.ceil(Math.log10(Math.max(...values)))
  return [low, Math.max(high, low + 1)]
}

const escaped = (text: string): string => text.replaceAll("&", "&amp;").replaceAll("<", "&lt;")

const label = (exponent: number): string =>
  exponent >= 0 && exponent < 7
    ? (10 ** exponent).toLocaleString("en")
    : exponent < 0
    ? `${10 ** exponent}`
    : `1e${exponent}`

export const plot = ({ series, title, xTitle, yTitle }: PlotOptions): string => {
  const points = series.flatMap((one) => one.points)
  const [left, right] = decades(points.map(([x]) => x))
  const [bottom, top] = decades(points.map(([, y]) => y))
  const across = width - margin.left - margin.right
  const up = height - margin.top - margin.bottom
  const x = (value: number) => margin.left + (Math.log10(value) - left) / (right - left) * across
  const y = (value: number) => height - margin.bottom - (Math.log10(value) - bottom) / (top - bottom) * up
  const text = (at: readonly [number, number], words: string, more = "") =>
    `<text x="${at[0].toFixed(1)}" y="${at[1].toFixed(1)}" ${more}>${escaped(words)}</text>`
  const line = (from: readonly [number, number], to: readonly [number, number]) =>
    `<path d="M${from[0].toFixed(1)} ${from[1].toFixed(1)}L${to[0].toFixed(1)} ${to[1].toFixed(1)}" stroke="#ddd"/>`
  const grid = [
    ...exponents(left, right).flatMap((e) => [
      line([x(10 ** e), margin.top], [x(10 ** e), height - margin.bottom]),
      text([x(10 ** e), height - margin.bottom + 18], label(e), "text-anchor=\"middle\"")
    ]),
    ...exponents(bottom, top).flatMap((e) => [
      line([margin.left, y(10 ** e)], [width - margin.right, y(10 ** e)]),
      text([margin.left - 8, y(10 ** e) + 4], label(e), "text-anchor=\"end\"")
    ])
  ]
  const drawn = series.flatMap((one, i) => {
    const color = colors[i % colors.length]!
    const path = one.points.map(([px, py], n) => `${n === 0 ? "M" : "L"}${x(px).toFixed(1)} ${y(py).toFixed(1)}`).join(
      ""
    )
    return [
      `<path d="${path}" stroke="${color}" stroke-width="2" fill="none"/>`,
      ...one.points.map(([px, py]) =>
        `<circle cx="${x(px).toFixed(1)}" cy="${y(py).toFixed(1)}" r="3" fill="${color}"/>`
      ),
      text([margin.left + 10, margin.top + 16 + i * 16], one.name, `fill="${color}"`)
    ]
  })
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" font-family="sans-serif" font-size="12">`,
    `<rect width="${width}" height="${height}" fill="#fff"/>`,
    text([width / 2, 22], title, "text-anchor=\"middle\" font-size=\"15\""),
    text([width / 2, height - 10], xTitle, "text-anchor=\"middle\""),
    text([0, 0], yTitle, `text-anchor="middle" transform="translate(16 ${height / 2}) rotate(-90)"`),
    ...grid,
    ...drawn,
    "</svg>",
    ""
  ].join("\n")
}

const exponents = (from: number, to: number): ReadonlyArray<number> =>
  Array.from({ length: to - from + 1 }, (_, i) => from + i)

/**
 * The slope of a series on logarithmic axes, by least squares: 0: y does not depend on x; 1: it grows as x does. Of its last
 * points only, as the first are ruled by what is constant.
 */
export const slope = ({ points }: Series, last = 4): number => {
  const logs = points.slice(-last).map(([x, y]) => [Math.log10(x), Math.log10(y)] as const)
  const meanX = logs.reduce((sum, [x]) => sum + x, 0) / logs.length
  const meanY = logs.reduce((sum, [, y]) => sum + y, 0) / logs.length
  const up = logs.reduce((sum, [x, y]) => sum + (x - meanX) * (y - meanY), 0)
  const across = logs.reduce((sum, [x]) => sum + (x - meanX) ** 2, 0)
  return up / across
}

/** In words. */
export const slopeText = (series: Series): string => {
  const value = slope(series)
  const word = value < -0.15
    ? "falls"
    : value < 0.15
    ? "does not grow"
    : value < 0.85
    ? "grows more slowly"
    : value < 1.15
    ? "grows in proportion"
    : "grows faster"
  return `${series.name}: ${word} (slope ${value.toFixed(2)})`
}
