import { memo, useEffect, useRef } from 'react'

import { count, dayOf, eventName, timeOfDay, words } from '../shell/words'
import type { Row } from './trail'

export function Outcome({ outcome }: { outcome: string }) {
  const look = { granted: 'chip good', refused: 'chip bad' }[outcome] ?? 'chip'
  return <span className={look}>{words(outcome)}</span>
}

type Props = { rows: readonly Row[]; current: number; open: number | undefined; onOpen: (index: number) => void }

export function Table({ rows, current, open, onOpen }: Props) {
  return (
    <table className="trail">
      <thead>
        <tr>
          <th scope="col" className="number">
            Position
          </th>
          <th scope="col">Time</th>
          <th scope="col">Who</th>
          <th scope="col">What</th>
          <th scope="col">Case or call</th>
          <th scope="col">Outcome</th>
        </tr>
      </thead>
      {byDay(rows).map(({ day, first, members }) => (
        <tbody key={day}>
          <tr className="day">
            <th scope="rowgroup" colSpan={6}>
              {day}
            </th>
          </tr>
          {members.map((row, index) => (
            <Line
              key={row.position}
              row={row}
              index={first + index}
              current={first + index === current}
              open={row.position === open}
              onOpen={onOpen}
            />
          ))}
        </tbody>
      ))}
    </table>
  )
}

function byDay(rows: readonly Row[]): { day: string; first: number; members: Row[] }[] {
  const days: { day: string; first: number; members: Row[] }[] = []
  rows.forEach((row, index) => {
    const day = dayOf(row.time)
    const last = days.at(-1)
    if (last?.day === day) last.members.push(row)
    else days.push({ day, first: index, members: [row] })
  })
  return days
}

type LineProps = { row: Row; index: number; current: boolean; open: boolean; onOpen: (index: number) => void }

const Line = memo(function Line({ row, index, current, open, onOpen }: LineProps) {
  const line = useRef<HTMLTableRowElement>(null)
  useEffect(() => {
    if (current) line.current?.scrollIntoView({ block: 'nearest' })
  }, [current])
  return (
    <tr
      ref={line}
      className={`${current ? 'current' : ''} ${open ? 'open' : ''}`}
      aria-current={current || undefined}
      data-position={row.position}
      onClick={() => onOpen(index)}
    >
      <td className="number">{count(row.position)}</td>
      <td className="time">
        <time dateTime={row.time}>{timeOfDay(row.time)}</time>
      </td>
      <td>
        <span className="main">{row.actor.name}</span>
        <span className="under">{words(row.role)}</span>
      </td>
      <td>
        <button
          type="button"
          className="main"
          onClick={(event) => {
            event.stopPropagation()
            onOpen(index)
          }}
        >
          {row.summary}
        </button>
        <span className="under">
          {eventName(row.type)} · <code>{row.stream}</code>
        </span>
      </td>
      <td className="mono">{row.caseNumber}</td>
      <td>
        <Outcome outcome={row.outcome} />
      </td>
    </tr>
  )
})
