/** Watching: a wall of pictures, and beside it what may be asked for. Nothing is shown before it was asked for. */
import { useEffect, useMemo, useState, useSyncExternalStore } from 'react'

import { OverrideForm } from '../overrides/override-form'
import type { Stated } from '../forms/grounds'
import { SidePanel } from '../shell/side-panel'
import { AskForm } from './ask-form'
import './cameras.css'
import { found, type Offered, useOffered } from './feeds'
import { RenewForm } from './renew-form'
import { Tile, type Wanted } from './tile'
import { columns, type Feed, MOST, type View, wall } from './wall'

type Panel = { kind: 'list' } | { kind: 'ask' } | { kind: Wanted; view: View }

/** What to watch and the call it is for may be named by the address: `/cameras?feed=camera-plummer&call=26-1`. */
const named = () => new URLSearchParams(location.search)

export function CamerasPage() {
  const offered = useOffered()
  const views = useSyncExternalStore(wall.subscribe, wall.views)
  const [chosen, setChosen] = useState<readonly string[]>(() => named().getAll('feed'))
  const [panel, setPanel] = useState<Panel>(() => ({ kind: named().has('feed') ? 'ask' : 'list' }))
  const [large, setLarge] = useState<string>()
  const [stated, setStated] = useState<Partial<Stated>>(() => ({ call: named().get('call') ?? '' }))
  const [renewals, setRenewals] = useState<Record<string, number>>({})
  const [overrides, setOverrides] = useState<Record<string, string>>({})
  useEffect(() => {
    wall.stay()
    return wall.leave
  }, [])

  const watched = useMemo(() => new Set(views.map((view) => view.feed.feed)), [views])
  const asked = (offered ?? []).filter(({ feed }) => chosen.includes(feed) && !watched.has(feed))
  const enlarged = views.some(({ id }) => id === large) ? large : undefined
  const back = () => setPanel({ kind: 'list' })
  const granted = (feed: Feed, id: string, said: Stated) => {
    wall.add({ id, feed, stated: said })
    setStated(said)
    setChosen((before) => before.filter((each) => each !== feed.feed))
  }
  // What was asked for is all there: the list comes back by itself.
  const panelNow = panel.kind === 'ask' && asked.length === 0 ? 'list' : panel.kind
  const about = panel.kind === 'renew' || panel.kind === 'override' ? panel.view : undefined
  const standing = about && views.some(({ id }) => id === about.id)

  return (
    <main className="watching-page">
      <section
        className="wall"
        aria-label="Pictures that you watch"
        data-columns={columns(views.length)}
        data-large={enlarged !== undefined}
      >
        {views.length === 0 && <Empty />}
        {views.map((view) => (
          <Tile
            key={view.id}
            view={view}
            size={view.id === enlarged || views.length === 1 ? 'full' : 'grid'}
            large={view.id === enlarged}
            renewals={renewals[view.id] ?? 0}
            askedOverride={overrides[view.feed.feed]}
            onEnlarge={(on) => setLarge(on ? view.id : undefined)}
            onWant={(kind) => setPanel({ kind, view })}
            onStop={(over) => wall.remove(view.id, over)}
          />
        ))}
      </section>
      <aside className="panel" aria-label="Cameras and drones">
        {panelNow === 'ask' ? (
          <AskForm feeds={asked} start={stated} onGranted={granted} onClose={back} />
        ) : about && standing && panelNow === 'renew' ? (
          <SidePanel key={`renew ${about.id}`} title={`Go on watching ${about.feed.name}`} onClose={back}>
            <RenewForm
              view={about}
              onRenewed={() => {
                setRenewals((before) => ({ ...before, [about.id]: (before[about.id] ?? 0) + 1 }))
                back()
              }}
            />
          </SidePanel>
        ) : about && standing && panelNow === 'override' ? (
          <SidePanel key={`lift ${about.id}`} title={`Lift the mask of ${about.feed.name}`} onClose={back}>
            <OverrideForm
              target={{ target: about.feed.feed, name: about.feed.name }}
              start={about.stated}
              onAsked={(override) => {
                setOverrides((before) => ({ ...before, [about.feed.feed]: override }))
                back()
              }}
            />
          </SidePanel>
        ) : (
          <FeedList
            offered={offered}
            watched={watched}
            chosen={chosen}
            room={MOST - views.length}
            onChoose={setChosen}
            onAsk={() => setPanel({ kind: 'ask' })}
          />
        )}
      </aside>
    </main>
  )
}

function Empty() {
  return (
    <div className="wall-empty">
      <h1>You watch nothing</h1>
      <p>
        Choose up to {MOST} cameras and drones, then say what for. The first picture comes after the grant is on the
        record; leaving this page ends every view.
      </p>
    </div>
  )
}

type ListProps = {
  offered: readonly Offered[] | undefined
  watched: ReadonlySet<string>
  chosen: readonly string[]
  /** How many more pictures there is room for. */
  room: number
  onChoose: (chosen: readonly string[]) => void
  onAsk: () => void
}

function FeedList({ offered, watched, chosen, room, onChoose, onAsk }: ListProps) {
  const [sought, setSought] = useState('')
  if (!offered) return <p className="empty block" aria-busy="true" />
  const shown = found(offered, sought)
  const picked = offered.filter(({ feed }) => chosen.includes(feed) && !watched.has(feed))
  const full = picked.length >= room
  const toggle = (feed: string, on: boolean) =>
    onChoose(on ? [...chosen, feed] : chosen.filter((each) => each !== feed))
  return (
    <form
      className="feeds"
      aria-label="Choose what to watch"
      onSubmit={(event) => {
        event.preventDefault()
        if (picked.length > 0) onAsk()
      }}
    >
      <header>
        <h2>
          Cameras and drones <span className="tally">{offered.length}</span>
        </h2>
        {offered.length > 8 && (
          <input
            type="search"
            aria-label="Find a camera or drone"
            placeholder="Find by street, park, drone…"
            value={sought}
            onChange={(event) => setSought(event.target.value)}
          />
        )}
      </header>
      <ul>
        {offered.length === 0 && (
          <li className="empty">
            There is nothing to watch now. A drone comes up here when it is in the air, a camera when it is put up.
          </li>
        )}
        {offered.length > 0 && shown.length === 0 && <li className="empty">Nothing has “{sought}” in its name.</li>}
        {shown.map((each) => {
          const on = watched.has(each.feed)
          const marked = chosen.includes(each.feed) && !on
          return (
            <li key={each.feed}>
              <label className="feed" data-feed={each.feed} data-trouble={each.trouble !== undefined}>
                <input
                  type="checkbox"
                  checked={marked || on}
                  disabled={on || (!marked && full)}
                  onChange={(event) => toggle(each.feed, event.target.checked)}
                />
                <i className={each.kind === 'drone' ? 'key drone' : 'key camera'} aria-hidden="true" />
                <span className="name">{each.name}</span>
                <span className="about">{each.trouble ?? each.about}</span>
                {on ? (
                  <span className="chip good">you watch</span>
                ) : (
                  each.watchers !== undefined &&
                  each.watchers > 0 && <span className="chip">{each.watchers} watching</span>
                )}
              </label>
            </li>
          )
        })}
      </ul>
      <footer>
        <button type="submit" className="button primary wide" disabled={picked.length === 0}>
          {picked.length > 1 ? `Ask to watch ${picked.length}…` : 'Ask to watch…'}
        </button>
        {room <= picked.length && <p className="quiet">A wall has {MOST} pictures. Stop one to watch another.</p>}
      </footer>
    </form>
  )
}
