import { lazy, type ReactNode, Suspense, useEffect } from 'react'
import { Redirect, Route, Switch } from 'wouter'

import { follow } from '../board/live'
import { BoardPage } from '../board/page'
import { MayNotRead, NotFound, SignedOut, Unreachable } from './gate'
import { Header, seenBy } from './header'
import { useLoadedViewer, useViewer, ViewerProvider } from './viewer'

const OversightPage = lazy(async () => ({ default: (await import('../oversight/page')).OversightPage }))
const StreetPage = lazy(async () => ({ default: (await import('../street/page')).StreetPage }))
const CamerasPage = lazy(async () => ({ default: (await import('../cameras/page')).CamerasPage }))
const FootagePage = lazy(async () => ({ default: (await import('../footage/page')).FootagePage }))
const ExportsPage = lazy(async () => ({ default: (await import('../exports/page')).ExportsPage }))
const RetentionPage = lazy(async () => ({ default: (await import('../retention/page')).RetentionPage }))
const OverridesPage = lazy(async () => ({ default: (await import('../overrides/page')).OverridesPage }))
const AuditPage = lazy(async () => ({ default: (await import('../audit/page')).AuditPage }))

type GuardedProps = { may: boolean; what: string; action: string; children: ReactNode }

/** A page that comes when it is asked for, or who lacks which right for it. */
function Guarded({ may, what, action, children }: GuardedProps) {
  if (!may) return <MayNotRead what={what} action={action} />
  return <Suspense fallback={<main className="gate" aria-busy="true" />}>{children}</Suspense>
}

function Pages({ again }: { again: () => void }) {
  const viewer = useViewer()
  const maySee = seenBy(viewer)
  const mayWatch = viewer.can('read_board')
  const mayAudit = viewer.can('read_audit_trail') || viewer.can('read_own_record')
  const maySeeStreet = viewer.can('read_open_calls') || viewer.can('read_shared_feeds')
  const worksOnStreet = maySeeStreet && (viewer.can('report_observation') || viewer.can('request_live_view'))
  // A subscription that the server ends (signed out, role revoked) is a reason to ask again who is here.
  useEffect(() => (mayWatch ? follow(again) : undefined), [mayWatch, again])
  return (
    <>
      <Header />
      <Switch>
        <Route path="/">
          {mayWatch ? (
            <BoardPage />
          ) : worksOnStreet ? (
            <Redirect to="/street" replace />
          ) : mayAudit ? (
            <Redirect to="/audit" replace />
          ) : (
            <MayNotRead what="the board" action="read_board" />
          )}
        </Route>
        <Route path="/cameras">
          <Guarded may={maySee.cameras} what="live pictures" action="request_live_view">
            <CamerasPage />
          </Guarded>
        </Route>
        <Route path="/footage">
          <Guarded may={maySee.footage} what="footage" action="request_viewing">
            <FootagePage />
          </Guarded>
        </Route>
        <Route path="/exports">
          <Guarded may={maySee.exports} what="exports" action="read_exports">
            <ExportsPage />
          </Guarded>
        </Route>
        <Route path="/retention">
          <Guarded may={viewer.can('read_retention')} what="how long footage is kept" action="read_retention">
            <RetentionPage />
          </Guarded>
        </Route>
        <Route path="/overrides">
          <Guarded may={maySee.overrides} what="overrides" action="read_overrides">
            <OverridesPage />
          </Guarded>
        </Route>
        <Route path="/audit">
          <Guarded may={mayAudit} what="the audit trail" action="read_audit_trail">
            <AuditPage />
          </Guarded>
        </Route>
        <Route path="/street">
          <Guarded may={maySeeStreet} what="what those in the field are shown" action="read_open_calls">
            <StreetPage onEnd={again} />
          </Guarded>
        </Route>
        <Route path="/oversight">
          <Guarded may={viewer.can('read_oversight')} what="the work of oversight" action="read_oversight">
            <OversightPage />
          </Guarded>
        </Route>
        <Route>
          <NotFound />
        </Route>
      </Switch>
    </>
  )
}

export function App() {
  const [loaded, load] = useLoadedViewer()
  if (!loaded) return <main className="gate" aria-busy="true" />
  if ('failure' in loaded)
    return loaded.failure.kind === 'signed_out' ? (
      <SignedOut />
    ) : (
      <Unreachable message={loaded.failure.message} retry={load} />
    )
  return (
    <ViewerProvider viewer={loaded.viewer}>
      <Pages again={load} />
    </ViewerProvider>
  )
}
