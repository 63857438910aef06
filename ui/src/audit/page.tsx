import { useCallback, useEffect, useMemo, useRef, useState } from 'react'
import { useLocation, useSearch } from 'wouter'

import { useViewer } from '../shell/viewer'
import { count } from '../shell/words'
import './audit.css'
import { Drawer } from './drawer'
import { ExportDrawer } from './export-form'
import { Filters } from './filters'
import { Table } from './table'
import { type Row, type Trail, useNewer, useTrail } from './trail'
import { EVERYTHING, readSearch, type View, writeSearch } from './view'

const NOTHING: readonly Row[] = []

export function AuditPage() {
  const viewer = useViewer()
  const search = useSearch()
  const [, navigate] = useLocation()
  const view = useMemo(() => readSearch(search), [search])
  const show = useCallback(
    (next: View, replace = false) => {
      const said = writeSearch(next)
      navigate(said ? `/audit?${said}` : '/audit', { replace })
    },
    [navigate],
  )
  const { trail, failure, loading, reload } = useTrail(view)
  const newer = useNewer(view, trail)
  const rows = useMemo(() => trail?.edges.map((edge) => edge.node) ?? NOTHING, [trail])
  const [current, setCurrent] = useState(-1)
  const [exporting, setExporting] = useState(false)
  const first = useRef<HTMLInputElement>(null)
  useEffect(
    () => setCurrent(view.event === undefined ? -1 : rows.findIndex((row) => row.position === view.event)),
    [rows],
  )

  const open = useCallback(
    (index: number) => {
      const row = rows[index]
      if (!row) return
      setCurrent(index)
      show({ ...view, event: row.position }, view.event !== undefined)
    },
    [rows, show, view],
  )
  const close = useCallback(() => show({ ...view, event: undefined }), [show, view])
  const change = useCallback((part: Partial<View>) => show({ ...view, page: undefined, ...part }), [show, view])

  useEffect(() => {
    const key = (event: globalThis.KeyboardEvent) => {
      if (event.ctrlKey || event.metaKey || event.altKey) return
      if (event.target instanceof HTMLElement && event.target.closest('input, select, textarea')) return
      const step = { j: 1, k: -1 }[event.key]
      if (step !== undefined) {
        const next = Math.min(rows.length - 1, Math.max(0, current + step))
        if (view.event === undefined) setCurrent(next)
        else open(next)
      } else if (event.key === 'Enter' && !(event.target instanceof HTMLButtonElement)) open(current)
      else if (event.key === 'Escape' && view.event !== undefined) close()
      else if (event.key === '/') first.current?.focus()
      else return
      event.preventDefault()
    }
    addEventListener('keydown', key)
    return () => removeEventListener('keydown', key)
  }, [rows, current, view.event, open, close])

  return (
    <main className={view.event === undefined && !exporting ? 'audit' : 'audit with-drawer'}>
      <section className="list">
        <Filters
          view={view}
          rows={rows}
          first={first}
          onChange={change}
          onClear={() => show({ ...EVERYTHING, event: view.event })}
        />
        {!viewer.can('read_audit_trail') && (
          <p className="note">You see the record of your own acts. Auditors see everybody’s.</p>
        )}
        {trail && trail.incompleteStreams.length > 0 && (
          <p className="note warn" role="alert">
            Not the whole trail: events of <code>{trail.incompleteStreams.join(', ')}</code> could not be applied yet.
          </p>
        )}
        <div className="rows" aria-busy={loading}>
          {failure ? (
            <div className="state-card" role="alert">
              <h2>The audit trail could not be read</h2>
              <p>{failure.message}</p>
              <button type="button" className="button primary" onClick={reload}>
                Try again
              </button>
            </div>
          ) : trail && rows.length === 0 ? (
            <div className="state-card">
              <h2>No event matches</h2>
              <p>Every event up to position {count(trail.position)} was looked at. Widen the filter to see more.</p>
              <button type="button" className="button plain" onClick={() => show(EVERYTHING)}>
                Clear the filter
              </button>
            </div>
          ) : (
            <Table rows={rows} current={current} open={view.event} onOpen={open} />
          )}
        </div>
        <footer className="pages">
          {newer > 0 && (
            <button type="button" className="button primary" data-testid="newer" onClick={reload}>
              {newer >= 100 ? '100 or more' : count(newer)} new {newer === 1 ? 'event' : 'events'}: show
            </button>
          )}
          {trail && (
            <span className="quiet" data-testid="complete">
              {described(trail)}
            </span>
          )}
          <span className="spring" />
          <span className="keys quiet" aria-hidden="true">
            <kbd>j</kbd> <kbd>k</kbd> move, <kbd>Enter</kbd> open, <kbd>/</kbd> filter
          </span>
          {viewer.can('export_audit_trail') && (
            <button
              type="button"
              className="button quiet"
              aria-expanded={exporting}
              onClick={() => {
                if (view.event !== undefined) close()
                setExporting(true)
              }}
            >
              Export…
            </button>
          )}
          <button type="button" className="button quiet" onClick={() => change({ oldestFirst: !view.oldestFirst })}>
            {view.oldestFirst ? 'Oldest first' : 'Newest first'}
          </button>
          <Step
            name={view.oldestFirst ? 'Earlier' : 'Newer'}
            cursor={trail?.pageInfo.hasPreviousPage ? trail.pageInfo.startCursor : null}
            onGo={(before) => change({ page: { before } })}
          />
          <Step
            name={view.oldestFirst ? 'Later' : 'Older'}
            cursor={trail?.pageInfo.hasNextPage ? trail.pageInfo.endCursor : null}
            onGo={(after) => change({ page: { after } })}
          />
        </footer>
      </section>
      {exporting && view.event === undefined && <ExportDrawer view={view} onClose={() => setExporting(false)} />}
      {view.event !== undefined && (
        <Drawer
          position={view.event}
          onClose={close}
          onNarrow={(texts) => show({ ...EVERYTHING, texts, event: view.event })}
        />
      )}
    </main>
  )
}

function described({ totalCount: total, position, lag }: Trail): string {
  const matching =
    total === null
      ? 'More than 10,000 events match'
      : `${count(total)} ${total === 1 ? 'event matches' : 'events match'}`
  return `${matching}, complete up to position ${count(position)}${lag > 0 ? `, ${count(lag)} behind` : ''}`
}

function Step({ name, cursor, onGo }: { name: string; cursor: string | null; onGo: (cursor: string) => void }) {
  return (
    <button
      type="button"
      className="button plain"
      disabled={cursor === null}
      onClick={() => cursor !== null && onGo(cursor)}
    >
      {name}
    </button>
  )
}
