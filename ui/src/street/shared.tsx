/** A responder's page: the pictures that an open incident shares, and how to ask for one of them. */
import { useEffect, useState, useSyncExternalStore } from 'react'

import { told } from '../board/live'
import { useOrder } from '../board/orders'
import { OutcomeNote } from '../board/outcome'
import { faultsOf, isAccepted, OrderForm } from '../forms/field'
import { GroundsFields, useGrounds } from '../forms/grounds'
import {
  CloseLiveViewDocument,
  RequestLiveViewDocument,
  SharedFeedsDocument,
  type SharedFeedsSubscription,
} from '../graphql/generated/graphql'
import { linkState } from '../graphql/link-state'
import { LivePicture, type Said } from '../live/picture'
import { useHeld } from '../live/view'
import { serverNow, useTick } from '../shell/clock'
import { useViewer } from '../shell/viewer'
import { duration, timeOfDay, words } from '../shell/words'

type Feed = SharedFeedsSubscription['sharedFeeds']['shared'][number]
type View = { id: string; feed: Feed }

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
  const order = useOrder(RequestLiveViewDocument)
  // Who is in the field watches for the call that the picture is shared with, and for no other.
  const grounds = useGrounds({ call: feed.callNumber })
  return (
    <OrderForm
      label={`Ask to watch ${nameOf(feed)}`}
      className="watch"
      order={order}
      done="You may watch"
      verb="Ask to watch"
      missing={[...grounds.missing, grounds.missingReason]}
      promise={`For call ${feed.callNumber}. The request is on the record, granted or refused.`}
      onSend={() => order.send({ feed: feed.feed, grounds: grounds.input })}
      onAccepted={({ id }) => onGranted(id)}
    >
      <GroundsFields
        grounds={grounds}
        faults={faultsOf(order.outcome)}
        impossible="nothing can be watched"
        callGiven
        placeholder="What you expect to see, and why you need it"
      />
    </OrderForm>
  )
}

/** The picture, for as long as this stands on the page. */
function Watching({ view, onDone }: { view: View; onDone: () => void }) {
  const { sending, outcome, send } = useOrder(CloseLiveViewDocument)
  const held = useHeld(view.id)
  const [said, setSaid] = useState<Said>({ masked: undefined, watchers: undefined })
  const over = held.state === 'over'
  const stop = async () => {
    const answer = await send({ view: view.id })
    if (isAccepted(answer)) onDone()
  }
  return (
    <section className="card watching" aria-label={`Your view of ${nameOf(view.feed)}`} data-testid="watching">
      <div className="line">
        <span className="title">{nameOf(view.feed)}</span>
        <span className={over ? 'chip bad' : said.masked ? 'chip' : 'chip good'}>
          {over ? 'ended' : said.masked ? 'masked' : 'live'}
        </span>
        <span className="for">
          {words(view.feed.callType)} <span className="mono">{view.feed.callNumber}</span>
        </span>
      </div>
      <LivePicture
        view={view.id}
        held={held}
        size={matchMedia('(max-width: 820px)').matches ? 'grid' : 'full'}
        label={`Live picture of ${nameOf(view.feed)}`}
        onSaid={setSaid}
      />
      {held.state === 'open' && (
        <p>
          You may watch {held.until && <>until {timeOfDay(held.until)}</>}. It counts as watching until you stop, leave
          this page, or the incident is closed.
        </p>
      )}
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

function Since({ at }: { at: string }) {
  useTick()
  return <span className="elapsed">shared {duration(serverNow() - Date.parse(at))} ago</span>
}
