/** A responder's page: the pictures that an open incident shares, and how to ask for one of them. */
import { type FormEvent, useEffect, useState, useSyncExternalStore } from 'react'

import { Fault, Field, Purposes } from '../board/launch-form'
import { told } from '../board/live'
import { useOrder } from '../board/orders'
import { OutcomeNote, Reasons } from '../board/outcome'
import { ask, BY_ITSELF, client, Failure, failureOf } from '../graphql/client'
import {
  CloseLiveViewDocument,
  LiveViewHeartbeatDocument,
  type LiveViewHeartbeatMutation,
  ReasonQualityDocument,
  type ReasonQualityQuery,
  RequestLiveViewDocument,
  SharedFeedsDocument,
  type SharedFeedsSubscription,
  UsePolicyDocument,
  type UsePolicyQuery,
} from '../graphql/generated/graphql'
import { linkState } from '../graphql/link-state'
import { serverNow, useTick } from '../shell/clock'
import { useViewer } from '../shell/viewer'
import { duration, timeOfDay, words } from '../shell/words'

type Feed = SharedFeedsSubscription['sharedFeeds']['shared'][number]
type Policy = NonNullable<UsePolicyQuery['usePolicy']>
type Quality = ReasonQualityQuery['reasonQuality']
type Pulse = LiveViewHeartbeatMutation['liveViewHeartbeat']
type View = { id: string; feed: Feed }

const BEAT_MS = 3_000 // a view ends after 10 s of silence
const SCORED_AFTER_MS = 400

const keyOf = (feed: Feed) => `${feed.feed} ${feed.callNumber}`
const nameOf = (feed: Feed) => (feed.kind === 'flight' ? 'Drone' : feed.name)

export function SharedPictures({ onEnd }: { onEnd: () => void }) {
  const viewer = useViewer()
  const [feeds, setFeeds] = useState<readonly Feed[]>()
  const [asking, setAsking] = useState<string>()
  const [view, setView] = useState<View>()
  const link = useSyncExternalStore(linkState.subscribe, linkState.get)
  useEffect(() => told(SharedFeedsDocument, ({ sharedFeeds }) => setFeeds(sharedFeeds.shared), onEnd), [onEnd])
  const fresh = !feeds ? 'connecting' : link.state === 'open' ? 'live' : 'not live'
  const mayAsk = viewer.can('request_live_view')

  return (
    <section className="told" aria-labelledby="shared-title">
      <header>
        <h2 id="shared-title">Shared with an open incident {feeds && <span className="tally">{feeds.length}</span>}</h2>
        <span
          className={`freshness ${fresh === 'not live' ? 'lost' : fresh}`}
          data-testid="shared-freshness"
          role="status"
        >
          <span className="lamp" aria-hidden="true" />
          <span className="said">{fresh}</span>
        </span>
      </header>
      {fresh === 'not live' && <p className="note warn">What stands here may be over. It is tried again by itself.</p>}
      {view && <Watching key={view.id} view={view} onDone={() => setView(undefined)} />}
      {feeds?.length === 0 && (
        <p className="empty">
          Nothing is shared now. When the watch shares a picture with an incident, it comes up here by itself and goes
          when the incident is closed.
        </p>
      )}
      {feeds?.map((feed) => {
        const key = keyOf(feed)
        const open = asking === key
        return (
          <article key={key} className={open ? 'card shared open' : 'card shared'} data-feed={feed.feed}>
            <div className="line">
              <i className={feed.kind === 'flight' ? 'key drone' : 'key dock'} aria-hidden="true" />
              <span className="title">{nameOf(feed)}</span>
              <Since at={feed.sharedAt} />
              <span className="for">
                {words(feed.callType)} <span className="mono">{feed.callNumber}</span>
              </span>
            </div>
            {mayAsk && view?.feed.feed !== feed.feed && (
              <button
                type="button"
                className={open ? 'button' : 'button primary'}
                aria-expanded={open}
                onClick={() => setAsking(open ? undefined : key)}
              >
                {open ? 'Not now' : 'Ask to watch'}
              </button>
            )}
            {open && (
              <WatchForm
                feed={feed}
                onGranted={(id) => {
                  setAsking(undefined)
                  setView({ id, feed })
                }}
              />
            )}
          </article>
        )
      })}
    </section>
  )
}

function WatchForm({ feed, onGranted }: { feed: Feed; onGranted: (view: string) => void }) {
  const { sending, outcome, send } = useOrder(RequestLiveViewDocument)
  const [policy, setPolicy] = useState<Policy | null | Failure>()
  const [purpose, setPurpose] = useState('')
  const [authorisation, setAuthorisation] = useState('')
  const [reason, setReason] = useState('')
  useEffect(() => {
    ask(UsePolicyDocument, {}).then(
      ({ usePolicy }) => setPolicy(usePolicy),
      (error: unknown) => setPolicy(error instanceof Failure ? error : new Failure('failed', String(error))),
    )
  }, [])
  const rules = policy && !(policy instanceof Failure) ? policy : undefined
  const needsCall = rules?.purposes.find((each) => each.code === purpose)?.needsCall ?? true
  const quality = useQuality(purpose, reason, feed.callNumber)
  const missing = [
    !purpose && 'a purpose',
    !needsCall && !authorisation.trim() && 'the authorisation',
    reason.trim().length < 3 && 'a reason',
  ].filter((each) => each !== false)

  const submit = async (event: FormEvent) => {
    event.preventDefault()
    if (sending || missing.length > 0) return
    const allowed = needsCall ? null : authorisation.trim()
    const grounds = { purpose, reason: reason.trim(), callNumber: feed.callNumber, authorisation: allowed }
    const answer = await send({ feed: feed.feed, grounds })
    if (!(answer instanceof Failure) && answer.__typename === 'Accepted') onGranted(answer.id)
  }
  const wrong = outcome && !(outcome instanceof Failure) && outcome.__typename === 'Mistaken' ? outcome : undefined
  const fault = (field: string) =>
    wrong?.field === field ? <Fault message={wrong.message} accepted={wrong.accepted} /> : undefined
  const beside = wrong && ['purpose', 'reason', 'authorisation'].includes(wrong.field ?? '')

  return (
    <form className="watch" aria-label={`Ask to watch ${nameOf(feed)}`} onSubmit={(event) => void submit(event)}>
      {policy instanceof Failure && (
        <p className="note bad" role="alert">
          {policy.message}
        </p>
      )}
      {policy === null && (
        <p className="note bad" role="alert">
          No use policy is in force, so nothing can be watched.
        </p>
      )}
      <Field label="Purpose" fault={fault('purpose')}>
        {(id) => (
          <select id={id} value={purpose} onChange={(event) => setPurpose(event.target.value)} required>
            <option value="">Choose…</option>
            {rules && <Purposes policy={rules} />}
          </select>
        )}
      </Field>
      {!needsCall && (
        <Field label="Authorisation" fault={fault('authorisation')}>
          {(id) => (
            <input
              id={id}
              value={authorisation}
              onChange={(event) => setAuthorisation(event.target.value)}
              placeholder="who allowed it, and where"
              autoComplete="off"
            />
          )}
        </Field>
      )}
      <Field label="Reason" fault={fault('reason')}>
        {(id) => (
          <textarea
            id={id}
            rows={3}
            maxLength={500}
            value={reason}
            onChange={(event) => setReason(event.target.value)}
            placeholder="What you expect to see, and why you need it"
            aria-describedby="reason-scored"
          />
        )}
      </Field>
      <div id="reason-scored" aria-live="polite">
        {quality && <Scored quality={quality} />}
      </div>
      {outcome && !beside && <OutcomeNote outcome={outcome} done="You may watch" />}
      <footer>
        <button
          type="submit"
          className="button primary wide"
          aria-busy={sending}
          disabled={sending || missing.length > 0}
        >
          Ask to watch
        </button>
        <p className="quiet">
          {missing.length > 0
            ? `Still needed: ${missing.join(', ')}.`
            : `For call ${feed.callNumber}. The request is on the record, granted or refused.`}
        </p>
      </footer>
    </form>
  )
}

/** How good the reason is by the rules of the record, a moment after the last key. */
function useQuality(purpose: string, reason: string, callNumber: string): Quality | undefined {
  const [quality, setQuality] = useState<Quality>()
  useEffect(() => {
    const stated = reason.trim()
    let old = false
    const timer = setTimeout(() => {
      if (stated.length < 3) return setQuality(undefined)
      ask(ReasonQualityDocument, { grounds: { purpose, reason: stated, callNumber } }).then(
        ({ reasonQuality }) => old || setQuality(reasonQuality),
        () => old || setQuality(undefined), // the request is scored all the same
      )
    }, SCORED_AFTER_MS)
    return () => {
      old = true
      clearTimeout(timer)
    }
  }, [purpose, reason, callNumber])
  return quality
}

function Scored({ quality }: { quality: Quality }) {
  return (
    <div className="scored">
      <span className={quality.vague ? 'chip bad' : quality.advice.length > 0 ? 'chip warn' : 'chip good'}>
        {quality.score} of 100
      </span>
      {quality.advice.length === 0 ? (
        <span>Clear enough for a reviewer.</span>
      ) : (
        <ul>
          {quality.advice.map((each) => (
            <li key={each.code}>{each.message}</li>
          ))}
        </ul>
      )}
    </div>
  )
}

/** A view that was granted is held open by its heartbeat, for as long as this stands on the page. */
function Watching({ view, onDone }: { view: View; onDone: () => void }) {
  const { sending, outcome, send } = useOrder(CloseLiveViewDocument)
  const [pulse, setPulse] = useState<Pulse | Failure>()
  const over = pulse && !(pulse instanceof Failure) && !pulse.open
  useEffect(() => {
    if (over) return
    let left = false
    let timer: ReturnType<typeof setTimeout> | undefined
    const beat = async () => {
      const result = await client.mutation(LiveViewHeartbeatDocument, { view: view.id }, BY_ITSELF).toPromise()
      if (left) return
      setPulse(result.data?.liveViewHeartbeat ?? failureOf(result.error))
      timer = setTimeout(() => void beat(), BEAT_MS)
    }
    void beat()
    return () => {
      left = true
      clearTimeout(timer)
    }
  }, [view.id, over])
  const stop = async () => {
    const answer = await send({ view: view.id })
    if (!(answer instanceof Failure) && answer.__typename === 'Accepted') onDone()
  }
  return (
    <section className="card watching" aria-label={`Your view of ${nameOf(view.feed)}`} data-testid="watching">
      <div className="line">
        <span className="title">{nameOf(view.feed)}</span>
        <span className={over ? 'chip bad' : 'chip good'}>{over ? 'ended' : 'granted'}</span>
        <span className="for">
          {words(view.feed.callType)} <span className="mono">{view.feed.callNumber}</span>
        </span>
      </div>
      <Held pulse={pulse} />
      {outcome && <OutcomeNote outcome={outcome} done="Stopped" />}
      {over ? (
        <button type="button" className="button" onClick={onDone}>
          Put away
        </button>
      ) : (
        <button type="button" className="button" aria-busy={sending} disabled={sending} onClick={() => void stop()}>
          Stop watching
        </button>
      )}
    </section>
  )
}

function Held({ pulse }: { pulse: Pulse | Failure | undefined }) {
  if (!pulse) return <p className="quiet">Granted. The view is being opened.</p>
  if (pulse instanceof Failure)
    return (
      <p className="note warn" role="alert">
        {pulse.message} A view that is silent for 10 s has ended.
      </p>
    )
  if (!pulse.open)
    return (
      <div className="note bad" role="alert">
        <p>The view has ended.</p>
        {pulse.reason && <Reasons reasons={[pulse.reason]} />}
      </div>
    )
  return (
    <p>
      You may watch {pulse.until && <>until {timeOfDay(pulse.until)}</>}. It counts as watching until you stop, leave
      this page, or the incident is closed.{' '}
      <span className="quiet">This page holds the view open; it carries no picture itself.</span>
    </p>
  )
}

function Since({ at }: { at: string }) {
  useTick()
  return <span className="elapsed">shared {duration(serverNow() - Date.parse(at))} ago</span>
}
