/** Footage: found by camera and time, looked at for a purpose, asked for as a file. */
import { type FormEvent, useEffect, useId, useRef, useState } from 'react'
import { Link } from 'wouter'

import { useOrder } from '../board/orders'
import { faultsOf, Field, isAccepted, OrderForm } from '../forms/field'
import { AuthorityFields, PolicyNote, PurposeField, ReasonField, type Stated, useGrounds } from '../forms/grounds'
import { ask, client, Failure } from '../graphql/client'
import {
  CloseViewingDocument,
  FootageOfDocument,
  type FootageOfQuery,
  RequestViewingDocument,
} from '../graphql/generated/graphql'
import '../live/live.css'
import { OverrideForm } from '../overrides/override-form'
import { useLifted } from '../overrides/lifted'
import { serverNow } from '../shell/clock'
import { useViewer } from '../shell/viewer'
import { duration, words } from '../shell/words'
import { FileForm } from './file-form'
import './footage.css'
import { placed, Player } from './player'
import { nameOf, type Source, useSources } from '../cameras/sources'
import { gaps, isoOf, read, spanned, type Stretch, typed, within } from './times'

type Recording = FootageOfQuery['footage'][number]
type Sought = { feed: string } & Stretch
type Doing = 'look' | 'file'
type Viewing = { id: string; recording: Recording; range: Stretch; stated: Stated }

const HOUR_MS = 3_600_000
const LONGEST_MS = 31 * 24 * HOUR_MS
const PRESETS: readonly [string, number][] = [
  ['Last 10 minutes', HOUR_MS / 6],
  ['Last hour', HOUR_MS],
  ['Last 24 hours', 24 * HOUR_MS],
]
const AT_MOST = 100
const stretchOf = ({ since, until }: Recording): Stretch => ({ since: Date.parse(since), until: Date.parse(until) })

export function FootagePage() {
  const viewer = useViewer()
  const sources = useSources()
  const [sought, setSought] = useState<Sought>()
  const [recordings, setRecordings] = useState<readonly Recording[] | Failure>()
  const [chosen, setChosen] = useState<Recording>()
  const [range, setRange] = useState<Stretch>()
  const [stated, setStated] = useState<Partial<Stated>>({})
  const [viewing, setViewing] = useState<Viewing>()
  const [doing, setDoing] = useState<Doing>('look')
  const asksForFiles = viewer.can('request_export')

  const find = (wanted: Sought) => {
    setSought(wanted)
    setRecordings(undefined)
    setChosen(undefined)
    ask(FootageOfDocument, { feed: wanted.feed, ...isoOf(wanted), first: AT_MOST }).then(
      ({ footage }) => setRecordings(footage),
      (error: unknown) => setRecordings(error instanceof Failure ? error : new Failure('failed', String(error))),
    )
  }
  const choose = (recording: Recording) => {
    setChosen(recording)
    setRange(sought && within(stretchOf(recording), sought))
  }
  const stop = useStopping(viewing?.id)

  if (viewing)
    return (
      <main className="footage-page viewing">
        <Viewer
          viewing={viewing}
          name={nameOf(viewing.recording.feed, sources)}
          onStop={() => {
            stop()
            setViewing(undefined)
          }}
        />
      </main>
    )
  return (
    <main className="footage-page">
      <div className="finding">
        <Search sources={sources} onFind={find} />
        {sought && (
          <Results
            sought={sought}
            recordings={recordings}
            chosen={chosen}
            onChoose={choose}
            onAgain={() => find(sought)}
          />
        )}
      </div>
      <aside className="panel" aria-label="What to do with it">
        {chosen && range ? (
          <div className="panel-form">
            <RangeFields key={chosen.id} recording={chosen} range={range} onChange={setRange} />
            {asksForFiles && (
              <div className="tabs" role="tablist" aria-label="What to do with it">
                <Choice name="Look at it" on={doing === 'look'} onChoose={() => setDoing('look')} />
                <Choice name="Ask for a file" on={doing === 'file'} onChoose={() => setDoing('file')} />
              </div>
            )}
            {doing === 'look' ? (
              <LookForm
                recording={chosen}
                range={range}
                start={stated}
                onGranted={(id, said) => {
                  setStated(said)
                  setViewing({ id, recording: chosen, range, stated: said })
                }}
              />
            ) : (
              <FileForm key={chosen.id} recording={chosen} range={range} start={stated} onAsked={setStated} />
            )}
          </div>
        ) : (
          <div className="panel-form">
            <h2>Footage is masked, and every look is on the record</h2>
            <p className="quiet">
              Find a stretch of footage and choose it. Then say what for
              {asksForFiles && ': to look at it here, or to have it made into a file, which a second person approves'}.
            </p>
            {asksForFiles && (
              <p className="quiet">
                Files that were asked for are under <Link href="/exports">Exports</Link>.
              </p>
            )}
          </div>
        )}
      </aside>
    </main>
  )
}

function Choice({ name, on, onChoose }: { name: string; on: boolean; onChoose: () => void }) {
  return (
    <button type="button" role="tab" aria-selected={on} className={on ? 'tab here' : 'tab'} onClick={onChoose}>
      {name}
    </button>
  )
}

/** Ends a viewing when it is stopped, and when its page is left. */
function useStopping(viewing: string | undefined): () => void {
  const open = useRef<string>(undefined)
  const stop = () => {
    const id = open.current
    open.current = undefined
    if (id) void client.mutation(CloseViewingDocument, { viewing: id, commandId: crypto.randomUUID() }).toPromise()
  }
  useEffect(() => {
    open.current = viewing
  }, [viewing])
  useEffect(() => stop, [])
  return stop
}

// -- finding ------------------------------------------------------------------

function Search({
  sources,
  onFind,
}: {
  sources: readonly Source[] | Failure | undefined
  onFind: (sought: Sought) => void
}) {
  const [feed, setFeed] = useState(new URLSearchParams(location.search).get('feed') ?? '')
  const [since, setSince] = useState(() => typed(serverNow() - HOUR_MS))
  const [until, setUntil] = useState(() => typed(serverNow()))
  const known = Array.isArray(sources) ? (sources as readonly Source[]) : []
  const from = read(since)
  const to = read(until)
  const wrong =
    from === undefined || to === undefined
      ? 'Say from when until when.'
      : from >= to
        ? 'It ends before it begins.'
        : to - from > LONGEST_MS
          ? 'At most 31 days can be searched at once.'
          : undefined
  const submit = (event: FormEvent) => {
    event.preventDefault()
    if (feed && !wrong && from !== undefined && to !== undefined) onFind({ feed, since: from, until: to })
  }
  return (
    <form className="search" role="search" aria-label="Find footage" onSubmit={submit}>
      <Field label="Camera or flight">
        {(id) => (
          <select id={id} value={feed} onChange={(event) => setFeed(event.target.value)} aria-busy={!sources}>
            <option value="">Choose…</option>
            <optgroup label="Cameras">{known.filter(({ kind }) => kind === 'camera').map(optionOf)}</optgroup>
            <optgroup label="Flights">{known.filter(({ kind }) => kind === 'flight').map(optionOf)}</optgroup>
            {feed && !known.some((each) => each.feed === feed) && <option value={feed}>{feed}</option>}
          </select>
        )}
      </Field>
      <Field label="From">
        {(id) => (
          <input
            id={id}
            type="datetime-local"
            step={1}
            value={since}
            onChange={(event) => setSince(event.target.value)}
          />
        )}
      </Field>
      <Field label="Until">
        {(id) => (
          <input
            id={id}
            type="datetime-local"
            step={1}
            value={until}
            onChange={(event) => setUntil(event.target.value)}
          />
        )}
      </Field>
      <button type="submit" className="button primary" disabled={!feed || wrong !== undefined}>
        Find
      </button>
      <div className="presets">
        {PRESETS.map(([name, length]) => (
          <button
            key={name}
            type="button"
            className="button quiet"
            onClick={() => {
              setSince(typed(serverNow() - length))
              setUntil(typed(serverNow()))
            }}
          >
            {name}
          </button>
        ))}
      </div>
      {sources instanceof Failure && (
        <p className="note bad" role="alert">
          Which cameras and flights there are could not be read. {sources.message}
        </p>
      )}
      {wrong && <p className="fault">{wrong}</p>}
    </form>
  )
}

const optionOf = ({ feed, name }: Source) => (
  <option key={feed} value={feed}>
    {name}
  </option>
)

type ResultsProps = {
  sought: Sought
  recordings: readonly Recording[] | Failure | undefined
  chosen: Recording | undefined
  onChoose: (recording: Recording) => void
  onAgain: () => void
}

const STATES: Record<string, string> = { kept: 'kept', destroyed: 'destroyed when it was due', lost: 'lost' }

function Results({ sought, recordings, chosen, onChoose, onAgain }: ResultsProps) {
  if (!recordings) return <p className="empty" aria-busy="true" />
  if (recordings instanceof Failure)
    return (
      <div className="note bad" role="alert">
        <p>What there is could not be read. {recordings.message}</p>
        <button type="button" className="button" onClick={onAgain}>
          Try again
        </button>
      </div>
    )
  const missing = gaps(sought, recordings.map(stretchOf))
  return (
    <section aria-label="What there is" className="results">
      <div className="track tall" aria-hidden="true">
        {recordings.map((each) => (
          <span
            key={each.id}
            className={each.id === chosen?.id ? `recording ${each.state} chosen` : `recording ${each.state}`}
            style={placed(stretchOf(each), sought)}
            title={`${STATES[each.state] ?? words(each.state)}: ${spanned(stretchOf(each))}`}
          />
        ))}
      </div>
      {recordings.length === 0 ? (
        <div className="state-card">
          <h2>No footage of this time is on the record</h2>
          <p className="quiet">
            What is being recorded now comes up here when its hour is over, or when the recorder closes it. What was
            lost is on the record as lost.
          </p>
        </div>
      ) : (
        <ul className="recordings">
          {recordings.map((each) => {
            const shown = within(stretchOf(each), sought) ?? stretchOf(each)
            return (
              <li key={each.id}>
                <label className="recording-row" data-footage={each.id} data-state={each.state}>
                  <input
                    type="radio"
                    name="recording"
                    checked={chosen?.id === each.id}
                    disabled={each.state !== 'kept'}
                    onChange={() => onChoose(each)}
                  />
                  <span className="when mono">{spanned(shown)}</span>
                  <span className={each.state === 'kept' ? 'chip good' : 'chip bad'}>
                    {STATES[each.state] ?? words(each.state)}
                  </span>
                </label>
              </li>
            )
          })}
        </ul>
      )}
      {recordings.length > 0 && missing.length > 0 && (
        <p className="quiet">
          Nothing is on the record of {missing.length === 1 ? 'one stretch' : `${missing.length} stretches`},{' '}
          {duration(missing.reduce((sum, { since, until }) => sum + until - since, 0))} in all.
        </p>
      )}
      {recordings.length === AT_MOST && <p className="note warn">There is more: search a shorter time.</p>}
    </section>
  )
}

// -- what to do with it ---------------------------------------------------------

type RangeProps = { recording: Recording; range: Stretch; onChange: (range: Stretch | undefined) => void }

function RangeFields({ recording, range, onChange }: RangeProps) {
  const whole = stretchOf(recording)
  const hint = useId()
  // What is typed has whole seconds: the ends of the footage themselves are meant where it touches them.
  const set = (part: Partial<Stretch>) => {
    const wanted = { ...range, ...part }
    const inside = within(wanted, whole)
    if (inside) onChange(inside)
  }
  return (
    <fieldset className="stretch" aria-describedby={hint}>
      <legend>Stretch</legend>
      <div className="pair">
        <Field label="From">
          {(id) => (
            <input
              id={id}
              type="datetime-local"
              step={1}
              min={typed(whole.since)}
              max={typed(whole.until)}
              defaultValue={typed(range.since)}
              onBlur={(event) => {
                const since = read(event.target.value)
                if (since !== undefined) set({ since })
              }}
            />
          )}
        </Field>
        <Field label="Until">
          {(id) => (
            <input
              id={id}
              type="datetime-local"
              step={1}
              min={typed(whole.since)}
              max={typed(whole.until)}
              defaultValue={typed(range.until)}
              onBlur={(event) => {
                const until = read(event.target.value)
                if (until !== undefined) set({ until })
              }}
            />
          )}
        </Field>
      </div>
      <p id={hint} className="quiet">
        {spanned(range)}. The shorter the stretch, the sooner it is reviewed.
      </p>
    </fieldset>
  )
}

type FormProps = { recording: Recording; range: Stretch; start: Partial<Stated> }

function LookForm({
  recording,
  range,
  start,
  onGranted,
}: FormProps & { onGranted: (viewing: string, stated: Stated) => void }) {
  const order = useOrder(RequestViewingDocument)
  const grounds = useGrounds(start)
  const faults = faultsOf(order.outcome)
  const send = async () => {
    const answer = await order.send({ footage: recording.id, grounds: grounds.input, range: isoOf(range, recording) })
    if (isAccepted(answer)) onGranted(answer.id, grounds.stated)
  }
  return (
    <OrderForm
      label="Ask to look at footage"
      order={order}
      done="You may look"
      verb="Ask to look"
      missing={[...grounds.missing, !grounds.hasReason && 'a reason']}
      promise="The request is on the record, granted or refused, before the first picture."
      onSend={send}
    >
      <PolicyNote policy={grounds.policy} impossible="nothing can be looked at" />
      <PurposeField grounds={grounds} faults={faults} />
      <AuthorityFields grounds={grounds} faults={faults} />
      <ReasonField
        grounds={grounds.input}
        reason={grounds.stated.reason}
        onChange={(reason) => grounds.set({ reason })}
        faults={faults}
        placeholder="What you expect to see, and why you need it"
      />
      {faults('range')}
    </OrderForm>
  )
}

// -- looking ----------------------------------------------------------------------

function Viewer({ viewing, name, onStop }: { viewing: Viewing; name: string; onStop: () => void }) {
  const viewer = useViewer()
  const target = `footage-${viewing.recording.id}`
  const [asked, setAsked] = useState<string>()
  const [asking, setAsking] = useState(false)
  const { override, waiting } = useLifted(target, asked)
  return (
    <>
      <Player
        viewing={viewing.id}
        name={name}
        range={viewing.range}
        override={override}
        onStop={onStop}
        lift={
          waiting ? (
            <span className="chip warn">Override waits</span>
          ) : (
            !override &&
            viewer.can('request_override') && (
              <button
                type="button"
                className="button"
                aria-expanded={asking}
                onClick={() => setAsking((before) => !before)}
              >
                Lift mask…
              </button>
            )
          )
        }
      />
      {asking && (
        <aside
          className="panel-form lifting"
          role="dialog"
          aria-label={`Lift the mask of ${name}`}
          onKeyDown={(event) => event.key === 'Escape' && setAsking(false)}
        >
          <header>
            <h2>Lift the mask</h2>
            <button type="button" className="button quiet" onClick={() => setAsking(false)}>
              Close
            </button>
          </header>
          <OverrideForm
            target={{ target, name, range: isoOf(viewing.range, viewing.recording) }}
            start={viewing.stated}
            onAsked={(id) => {
              setAsked(id)
              setAsking(false)
            }}
          />
        </aside>
      )}
    </>
  )
}
