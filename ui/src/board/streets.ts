/** Streets as a name is written along them: whole, where the data has them in pieces. */
import type { Feature, FeatureCollection, LineString, Position } from 'geojson'

export type Street = { class: string; kind: string; name?: string }

const key = (place: Position | undefined) => `${place?.[0]},${place?.[1]}`

/** Joins pieces of the same name that meet end to end. Pieces without a name are left out. */
export function joined(
  pieces: readonly Feature<LineString, Street>[],
): FeatureCollection<LineString, { name: string }> {
  const byName = new Map<string, Position[][]>()
  for (const { properties, geometry } of pieces) {
    if (properties.name) byName.set(properties.name, [...(byName.get(properties.name) ?? []), geometry.coordinates])
  }
  const features = [...byName].flatMap(([name, lines]) =>
    whole(whole(lines.map(oneWay)).map(oneWay)).map((coordinates): Feature<LineString, { name: string }> => ({
      type: 'Feature',
      properties: { name },
      geometry: { type: 'LineString', coordinates },
    })),
  )
  return { type: 'FeatureCollection', features }
}

/** A divided road may come as a ring of its two carriageways: one of them is enough to write on. */
function oneWay(line: Position[]): Position[] {
  const [start] = line
  if (!start || key(start) !== key(line.at(-1))) return line
  const away = line.map(([x = 0, y = 0]) => Math.hypot(x - (start[0] ?? 0), y - (start[1] ?? 0)))
  return line.slice(0, away.indexOf(Math.max(...away)) + 1)
}

function whole(lines: Position[][]): Position[][] {
  const left = [...lines]
  const done: Position[][] = []
  for (let line = left.pop(); line !== undefined; line = left.pop()) {
    let grown: Position[] = line
    for (let grew = true; grew;) {
      const end = key(grown.at(-1))
      const start = key(grown[0])
      const index = left.findIndex((other) =>
        [key(other[0]), key(other.at(-1))].some((tip) => tip === end || tip === start),
      )
      grew = index >= 0
      const other = left[index]
      if (!other) continue
      left.splice(index, 1)
      if (key(other[0]) === end) grown = [...grown, ...other.slice(1)]
      else if (key(other.at(-1)) === end) grown = [...grown, ...other.toReversed().slice(1)]
      else if (key(other.at(-1)) === start) grown = [...other, ...grown.slice(1)]
      else grown = [...other.toReversed(), ...grown.slice(1)]
    }
    done.push(grown)
  }
  return done
}
