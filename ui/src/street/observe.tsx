/** An ambassador's page: which calls are open, and the form to tell what was seen of one. */
import { type FormEvent, useRef, useState } from 'react'

import { useOrder } from '../board/orders'
import { faultsOf, Field, isAccepted, OrderEnd } from '../forms/field'
import { Failure } from '../graphql/client'
import { ReportObservationDocument } from '../graphql/generated/graphql'
import { serverNow, useTick } from '../shell/clock'
import { useViewer } from '../shell/viewer'
import { count, duration, words } from '../shell/words'
import { type Calls, type OpenCall, useOpenCalls } from './calls'
import { type Place, PlaceMap } from './place'

const KINDS = ['person_needs_help', 'disturbance', 'hazard', 'vehicle', 'property', 'nothing_there', 'other'] as const
const MINUTES_AGO = [0, 2, 5, 10, 20, 40]

export function OpenCalls({ onEnd }: { onEnd: () => void }) {
  const viewer = useViewer()
  const open = useOpenCalls(onEnd)
  if (!open.calls) return open.failure ? <Unread open={open} /> : <p className="quiet" aria-busy="true" />
  return viewer.can('report_observation') ? (
    <ObservationForm open={open} calls={open.calls} />
  ) : (
    <section className="told" aria-labelledby="calls-title">
      <h2 id="calls-title">
        Open calls <span className="tally">{open.calls.length}</span>
      </h2>
      <Unread open={open} />
      {open.calls.length === 0 && <p className="empty">No call is open.</p>}
      {open.calls.map((call) => (
        <div key={call.number} className="card choice">
          <CallLine call={call} />
        </div>
      ))}
    </section>
  )
}

function ObservationForm({ open, calls }: { open: Calls; calls: readonly OpenCall[] }) {
  const order = useOrder(ReportObservationDocument)
  const { outcome, forget } = order
  const [call, setCall] = useState<OpenCall>()
  const [kind, setKind] = useState('')
  const [said, setSaid] = useState('')
  const [ago, setAgo] = useState(0)
  const [picked, setPicked] = useState<Place>()
  // Kept until there is an answer: what is sent again after a lost answer must be the very same.
  const observedAt = useRef<string>(undefined)

  const closed = call !== undefined && !calls.some((each) => each.number === call.number)
  const place = picked ?? call?.place
  const missing = [
    (!call || closed) && 'a call',
    !kind && 'what kind of thing it is',
    said.trim().length < 3 && 'what you saw',
  ]

  const choose = (each: OpenCall) => {
    forget()
    setCall(each)
    setPicked(undefined)
  }
  const send = async () => {
    if (!call || !place) return
    observedAt.current ??= new Date(serverNow() - ago * 60_000).toISOString()
    const at = { latitude: place.latitude, longitude: place.longitude }
    const seen = { call: call.number, kind, said: said.trim(), observedAt: observedAt.current, place: at }
    const answer = await order.send(seen)
    if (answer instanceof Failure || answer.__typename === 'Unavailable') return
    observedAt.current = undefined
    if (!isAccepted(answer)) return
    setKind('')
    setSaid('')
    setAgo(0)
    open.again(answer.position)
  }
  const submit = (event: FormEvent) => {
    event.preventDefault()
    if (!order.sending && missing.every((each) => each === false)) void send()
  }
  const fault = faultsOf(outcome)
  const done =
    outcome && isAccepted(outcome)
      ? `On the record at position ${count(outcome.position)}. The watch sees it on its board`
      : ''

  return (
    <form className="observe" aria-label="Tell what you see" onSubmit={submit}>
      <fieldset className="calls">
        <legend>
          Open calls <span className="tally">{calls.length}</span>
        </legend>
        <Unread open={open} />
        {calls.length === 0 && (
          <p className="empty">
            No call is open. A call comes up here by itself; what is new, and whoever is in danger, is for 911.
          </p>
        )}
        {calls.map((each) => (
          <label key={each.number} className="card choice" data-call={each.number}>
            <input
              type="radio"
              name="call"
              checked={call?.number === each.number}
              onChange={() => choose(each)}
              aria-describedby={`age-${each.number}`}
            />
            <CallLine call={each} />
          </label>
        ))}
        {closed && (
          <p className="note warn" role="alert">
            Call {call.number} was closed meanwhile. Choose another one, or tell dispatch.
          </p>
        )}
        {fault('call')}
      </fieldset>

      <div className="seen">
        <fieldset>
          <legend>What is it?</legend>
          <div className="kinds">
            {KINDS.map((each) => (
              <label key={each} className="choice">
                <input
                  type="radio"
                  name="kind"
                  value={each}
                  checked={kind === each}
                  onChange={() => {
                    forget()
                    setKind(each)
                  }}
                />
                {words(each)}
              </label>
            ))}
          </div>
          {fault('kind')}
        </fieldset>
        <Field label="What did you see?" fault={fault('said')}>
          {(id) => (
            <textarea
              id={id}
              rows={3}
              maxLength={1000}
              value={said}
              onChange={(event) => setSaid(event.target.value)}
              placeholder="Who or what, doing what, which way"
            />
          )}
        </Field>
        <Field label="When?" fault={fault('observed_at')}>
          {(id) => (
            <select
              id={id}
              value={ago}
              onChange={(event) => {
                observedAt.current = undefined
                setAgo(Number(event.target.value))
              }}
            >
              {MINUTES_AGO.map((each) => (
                <option key={each} value={each}>
                  {each === 0 ? 'Just now' : `${each} minutes ago`}
                </option>
              ))}
            </select>
          )}
        </Field>
        <fieldset className="where">
          <legend>Where?</legend>
          <PlaceMap place={place} onPick={call ? setPicked : undefined} />
          <p className="quiet" role="status">
            {!call && 'Choose a call first.'}
            {call && !picked && 'At the call’s place. Tap the map if it was elsewhere.'}
            {picked && 'From the map. '}
            {picked && (
              <button type="button" className="button quiet" onClick={() => setPicked(undefined)}>
                Use the call’s place
              </button>
            )}
          </p>
          {fault('place')}
        </fieldset>
        <OrderEnd
          order={order}
          done={done}
          verb="Tell the watch"
          missing={missing}
          promise="It goes on the record with your name and cannot be changed."
        />
      </div>
    </form>
  )
}

/** No address and no caller: those in the street are shown no more of a call. */
function CallLine({ call }: { call: OpenCall }) {
  useTick()
  return (
    <span className="line">
      <span className="title">{words(call.callType)}</span>
      <span className="mono">{call.number}</span>
      <span className="elapsed" id={`age-${call.number}`}>
        {duration(serverNow() - Date.parse(call.receivedAt))} ago
      </span>
    </span>
  )
}

function Unread({ open }: { open: Calls }) {
  if (!open.failure) return null
  return (
    <div className="note bad" role="alert">
      <p>
        {open.calls ? 'Which calls are open now could not be read. ' : 'Which calls are open could not be read. '}
        {open.failure.message}
      </p>
      <button type="button" className="button" onClick={() => open.again()}>
        Try again
      </button>
    </div>
  )
}
