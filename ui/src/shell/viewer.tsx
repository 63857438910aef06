import { createContext, type ReactNode, use, useCallback, useEffect, useState } from 'react'

import { asFailure, ask, type Failure } from '../graphql/client'
import { ViewerDocument, type ViewerQuery } from '../graphql/generated/graphql'

export type Viewer = ViewerQuery['viewer']

/** What a person may be shown a control for. The server decides again on every command. */
export type Action =
  | 'request_launch'
  | 'authorise_launch'
  | 'refuse_launch'
  | 'launch_drone'
  | 'return_drone'
  | 'hold_drone'
  | 'land_drone'
  | 'abort_flight'
  | 'point_camera'
  | 'read_board'
  | 'read_audit_trail'
  | 'read_own_record'
  | 'read_oversight'
  | 'commit_audit_seed'
  | 'review_access'
  | 'record_finding'
  | 'take_corrective_action'
  | 'report_observation'
  | 'read_open_calls'
  | 'read_shared_feeds'
  | 'request_live_view'
  | 'read_cameras'
  | 'request_viewing'
  | 'request_export'
  | 'approve_export'
  | 'download_export'
  | 'deliver_export'
  | 'read_exports'
  | 'request_override'
  | 'approve_override'
  | 'invoke_emergency_override'
  | 'review_override'
  | 'read_overrides'
  | 'export_audit_trail'
  | 'read_retention'
  | 'place_legal_hold'
  | 'answer_retention_extension'
  | 'destroy_footage'

type Loaded = { viewer: Viewer } | { failure: Failure } | undefined

const ViewerContext = createContext<Viewer | undefined>(undefined)

export function ViewerProvider({ viewer, children }: { viewer: Viewer; children: ReactNode }) {
  return <ViewerContext value={viewer}>{children}</ViewerContext>
}

/** The signed-in person. Only below ViewerProvider. */
export function useViewer(): Viewer & { can: (action: Action) => boolean } {
  const viewer = use(ViewerContext)
  if (!viewer) throw new Error('useViewer is used outside of ViewerProvider.')
  return { ...viewer, can: (action) => viewer.may.includes(action) }
}

/** Asks once who is signed in, and again on demand. */
export function useLoadedViewer(): [Loaded, () => void] {
  const [loaded, setLoaded] = useState<Loaded>()
  const load = useCallback(() => {
    ask(ViewerDocument, {}).then(
      ({ viewer }) => setLoaded({ viewer }),
      (error: unknown) => setLoaded({ failure: asFailure(error) }),
    )
  }, [])
  useEffect(load, [load])
  return [loaded, load]
}
