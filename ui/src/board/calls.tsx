import { useCallback, useEffect, useRef } from 'react'

import { serverNow, useTick } from '../shell/clock'
import { useViewer } from '../shell/viewer'
import { duration, words } from '../shell/words'
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

function Age({ since }: { since: string }) {
  useTick()
  return <span className="elapsed">{duration(serverNow() - Date.parse(since))}</span>
}
