import { useCallback, useEffect, useRef, useState } from 'react'

import { ask } from '../graphql/client'
import { ObservationsDocument, type ObservationsQuery } from '../graphql/generated/graphql'
import { serverNow, useTick } from '../shell/clock'
import { useViewer } from '../shell/viewer'
import { duration, timeOfDay, words } from '../shell/words'
import { useBoard } from './live'
import type { Board, Call } from './store'

const openCalls = (board: Board) =>
  board.calls
    .filter((call) => call.state === 'open')
    .sort((a, b) => a.priority - b.priority || b.receivedAt.localeCompare(a.receivedAt))

type Props = {
  selected: string | undefined
  onSelect: (number: string | undefined) => void
  onShow: (place: Call['place']) => void
  onLaunch: (callNumber: string) => void
}

export function CallList({ selected, onSelect, onShow, onLaunch }: Props) {
  const calls = useBoard(openCalls)
  return (
    <section className="block" aria-labelledby="calls-title">
      <h2 id="calls-title">Open calls {calls && <span className="tally">{calls.length}</span>}</h2>
      {calls?.length === 0 && <p className="empty">No call is open.</p>}
      {calls?.map((call) => (
        <CallRow
          key={call.number}
          call={call}
          open={call.number === selected}
          onSelect={onSelect}
          onShow={onShow}
          onLaunch={onLaunch}
        />
      ))}
    </section>
  )
}

function CallRow({ call, open, onSelect, onShow, onLaunch }: { call: Call; open: boolean } & Omit<Props, 'selected'>) {
  const viewer = useViewer()
  const row = useRef<HTMLElement>(null)
  useEffect(() => {
    if (open) row.current?.scrollIntoView({ block: 'nearest' })
  }, [open])
  const toggle = useCallback(() => {
    onSelect(open ? undefined : call.number)
    if (!open) onShow(call.place)
  }, [call, open, onSelect, onShow])
  return (
    <article ref={row} className={open ? 'card call open' : 'card call'} data-call={call.number}>
      <button type="button" className="card-head" aria-expanded={open} onClick={toggle}>
        <i className="key call" data-priority={call.priority} role="img" aria-label={`Priority ${call.priority}`}>
          {call.priority}
        </i>
        <span className="title">{words(call.callType)}</span>
        {call.observations.length > 0 && (
          <span className="tally" role="img" aria-label={`${call.observations.length} seen on the street`}>
            {call.observations.length}
          </span>
        )}
        <span className="mono">{call.number}</span>
        <Age since={call.receivedAt} />
      </button>
      {open && (
        <div className="card-body">
          <p>
            {call.units.length === 0 ? 'No unit dispatched.' : `Units: ${call.units.join(', ')}.`}{' '}
            {call.firstUnitArrivedAt
              ? `First unit arrived ${duration(Date.parse(call.firstUnitArrivedAt) - Date.parse(call.receivedAt))} after the call.`
              : 'No unit on scene yet.'}
          </p>
          {call.observations.length > 0 && <SeenOnTheStreet call={call.number} told={call.observations.length} />}
          {viewer.can('request_launch') && (
            <button type="button" className="button plain" onClick={() => onLaunch(call.number)}>
              Request launch for this call
            </button>
          )}
        </div>
      )}
    </article>
  )
}

/** What ambassadors told of a call. The words are asked for here alone: nothing that is pushed holds them. */
function SeenOnTheStreet({ call, told }: { call: string; told: number }) {
  const [seen, setSeen] = useState<ObservationsQuery['observations']>()
  const [failed, setFailed] = useState(false)
  useEffect(() => {
    let here = true
    ask(ObservationsDocument, { call }).then(
      (answer) => {
        if (!here) return
        setSeen(answer.observations)
        setFailed(false)
      },
      () => here && setFailed(true),
    )
    return () => {
      here = false
    }
  }, [call, told])
  if (failed && !seen) return <p role="alert">What was seen on the street cannot be read now.</p>
  return (
    <ul className="observations" aria-label="Seen on the street" aria-busy={!seen}>
      {seen?.map((one) => (
        <li key={one.id}>
          <strong>{words(one.kind)}</strong> {one.said ?? 'Made unreadable.'}
          <span className="soft">
            {one.reportedBy.name}, {timeOfDay(one.observedAt)}
          </span>
        </li>
      ))}
    </ul>
  )
}

function Age({ since }: { since: string }) {
  useTick()
  return <span className="elapsed">{duration(serverNow() - Date.parse(since))}</span>
}
