import { lazy, Suspense, useEffect } from 'react'
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
const OverridesPage = lazy(async () => ({ default: (await import('../overrides/page')).OverridesPage }))
const AuditPage = lazy(async () => ({ default: (await import('../audit/page')).AuditPage }))

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
          {maySee.cameras ? (
            <Suspense fallback={<main className="gate" aria-busy="true" />}>
              <CamerasPage />
            </Suspense>
          ) : (
            <MayNotRead what="live pictures" action="request_live_view" />
          )}
        </Route>
        <Route path="/footage">
          {maySee.footage ? (
            <Suspense fallback={<main className="gate" aria-busy="true" />}>
              <FootagePage />
            </Suspense>
          ) : (
            <MayNotRead what="footage" action="request_viewing" />
          )}
        </Route>
        <Route path="/exports">
          {maySee.exports ? (
            <Suspense fallback={<main className="gate" aria-busy="true" />}>
              <ExportsPage />
            </Suspense>
          ) : (
            <MayNotRead what="exports" action="read_exports" />
          )}
        </Route>
        <Route path="/overrides">
          {maySee.overrides ? (
            <Suspense fallback={<main className="gate" aria-busy="true" />}>
              <OverridesPage />
            </Suspense>
          ) : (
            <MayNotRead what="overrides" action="read_overrides" />
          )}
        </Route>
        <Route path="/audit">
          {mayAudit ? (
            <Suspense fallback={<main className="gate" aria-busy="true" />}>
              <AuditPage />
            </Suspense>
          ) : (
            <MayNotRead what="the audit trail" action="read_audit_trail" />
          )}
        </Route>
        <Route path="/street">
          {maySeeStreet ? (
            <Suspense fallback={<main className="gate" aria-busy="true" />}>
              <StreetPage onEnd={again} />
            </Suspense>
          ) : (
            <MayNotRead what="what those in the field are shown" action="read_open_calls" />
          )}
        </Route>
        <Route path="/oversight">
          {viewer.can('read_oversight') ? (
            <Suspense fallback={<main className="gate" aria-busy="true" />}>
              <OversightPage />
            </Suspense>
          ) : (
            <MayNotRead what="the work of oversight" action="read_oversight" />
          )}
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
