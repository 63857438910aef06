import { useSyncExternalStore } from 'react'
import { Link as PageLink, useRoute } from 'wouter'

import { freshness } from '../board/freshness'
import { board } from '../board/live'
import { linkState } from '../graphql/link-state'
import { useTick } from './clock'
import { Emblem } from './emblem'
import { useViewer } from './viewer'
import { count, duration, words } from './words'

function Tab({ to, children }: { to: string; children: string }) {
  const [here] = useRoute(to)
  return (
    <PageLink href={to} className={here ? 'tab here' : 'tab'} aria-current={here ? 'page' : undefined}>
      {children}
    </PageLink>
  )
}

/** Up to which position the board is complete, how far it is behind, and whether it is still being told. */
function Freshness() {
  useTick()
  const progress = useSyncExternalStore(board.subscribe, () => board.board()?.progress)
  const link = useSyncExternalStore(linkState.subscribe, linkState.get)
  const now = performance.now()
  const fresh = freshness(link, progress?.lag, board.receivedAt(), now)
  const said = {
    waiting: () => 'connecting',
    live: () => 'live',
    behind: () => `${count(progress?.lag ?? 0)} behind`,
    lost: () => `not live for ${duration(fresh.kind === 'lost' ? fresh.sinceMs : 0)}`,
  }[fresh.kind]()
  return (
    <div className={`freshness ${fresh.kind}`} data-testid="freshness">
      <span className="lamp" aria-hidden="true" />
      <span className="said">{said}</span>
      {progress && (
        <span className="complete" title="Every event of the log up to this position is on the board">
          complete up to <b data-testid="position">{count(progress.position)}</b>
        </span>
      )}
    </div>
  )
}

/** Which pages of pictures somebody has something to do on. */
export function seenBy({ can }: Pick<ReturnType<typeof useViewer>, 'can'>) {
  return {
    cameras: can('request_live_view') && can('read_cameras'),
    // Oversight searches the records of footage; its pictures are seen for a review alone.
    footage: can('request_viewing') || can('review_access'),
    exports: can('request_export') || can('read_exports'),
    overrides: can('request_override') || can('read_overrides'),
  }
}

export function Header() {
  const viewer = useViewer()
  const maySee = seenBy(viewer)
  return (
    <header className="top">
      <div className="brand">
        <Emblem />
        <span className="name">Safer WeHo</span>
        <span className="place">Watch center</span>
      </div>
      <nav aria-label="Pages">
        {viewer.can('read_board') && <Tab to="/">Board</Tab>}
        {maySee.cameras && <Tab to="/cameras">Cameras</Tab>}
        {maySee.footage && <Tab to="/footage">Footage</Tab>}
        {maySee.exports && <Tab to="/exports">Exports</Tab>}
        {viewer.can('read_retention') && <Tab to="/retention">Retention</Tab>}
        {maySee.overrides && <Tab to="/overrides">Overrides</Tab>}
        {(viewer.can('read_open_calls') || viewer.can('read_shared_feeds')) && <Tab to="/street">In the field</Tab>}
        {viewer.can('read_audit_trail') ? (
          <Tab to="/audit">Audit trail</Tab>
        ) : (
          viewer.can('read_own_record') && <Tab to="/audit">My record</Tab>
        )}
        {viewer.can('read_oversight') && <Tab to="/oversight">Oversight</Tab>}
      </nav>
      {viewer.environment !== 'production' && <span className="environment">{viewer.environment}</span>}
      <span className="spring" />
      {viewer.can('read_board') && <Freshness />}
      <div className="person">
        <span className="who">{viewer.name}</span>
        <span className="roles">{viewer.roles.map(words).join(', ') || 'no role'}</span>
      </div>
      <SignOut />
    </header>
  )
}

function SignOut() {
  const leave = async () => {
    // A JSON body: the server refuses a form from another site by its content type.
    await fetch('/sign-out', { method: 'POST', headers: { 'content-type': 'application/json' }, body: '{}' }).catch(
      () => undefined,
    )
    location.assign('/')
  }
  return (
    <button type="button" className="button quiet" onClick={() => void leave()}>
      Sign out
    </button>
  )
}
