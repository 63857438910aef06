/** Footage: found by camera and time, looked at for a purpose, asked for as a file; oversight reads who saw it. */
import { useEffect, useRef, useState } from 'react'
import { Link } from 'wouter'

import { nameOf, useSources } from '../cameras/sources'
import type { Stated } from '../forms/grounds'
import { asFailure, ask, client, type Failure } from '../graphql/client'
import { CloseViewingDocument, FootageOfDocument } from '../graphql/generated/graphql'
import '../live/live.css'
import '../shell/side-panel.css'
import { type Tab, Tabs } from '../shell/tabs'
import { useViewer } from '../shell/viewer'
import { Audience } from './audience'
import { FileForm } from './file-form'
import './footage.css'
import { LookForm } from './look-form'
import { RangeFields } from './range-fields'
import { type Part, proposed, type Recording, seeable } from './recordings'
import { AT_MOST, Results } from './results'
import { Search, type Sought } from './search'
import { isoOf, type Stretch } from './times'
import { Viewer, type Viewing } from './viewer'

type Doing = 'look' | 'file' | 'records'
type Chosen = { recording: Recording; part: Part | undefined; range: Stretch | undefined }

const DOINGS: readonly Tab<Doing>[] = [
  { code: 'look', name: 'Look at it' },
  { code: 'file', name: 'Ask for a file' },
  { code: 'records', name: 'Who saw it' },
]

export function FootagePage() {
  const sources = useSources()
  const viewer = useViewer()
  const [sought, setSought] = useState<Sought>()
  const [recordings, setRecordings] = useState<readonly Recording[] | Failure>()
  const [chosen, setChosen] = useState<Chosen>()
  const [stated, setStated] = useState<Partial<Stated>>({})
  const [viewing, setViewing] = useState<Viewing>()
  const asked = useRef<Sought>(undefined)
  const panel = useRef<HTMLElement>(null)
  const stop = useStopping(viewing?.id)

  const find = (wanted: Sought) => {
    asked.current = wanted
    setSought(wanted)
    setRecordings(undefined)
    setChosen(undefined)
    const show = (found: readonly Recording[] | Failure) => {
      if (asked.current === wanted) setRecordings(found)
    }
    ask(FootageOfDocument, { feed: wanted.feed, ...isoOf(wanted), first: AT_MOST }).then(
      ({ footage }) => show(footage),
      (error: unknown) => show(asFailure(error)),
    )
  }
  const choose = (recording: Recording) => {
    const offer = sought && proposed(seeable(recording), sought)
    setChosen({ recording, part: offer?.part, range: offer?.range })
  }
  // On a small screen what may be done with it stands below the list.
  const id = chosen?.recording.id
  useEffect(() => {
    if (id !== undefined) panel.current?.scrollIntoView({ block: 'nearest' })
  }, [id])

  if (viewing)
    return (
      <main className="footage-page viewing">
        <Viewer
          viewing={viewing}
          name={nameOf(sought?.feed ?? '', sources)}
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
            chosen={chosen?.recording}
            readsRecords={viewer.can('read_audit_trail')}
            onChoose={choose}
            onAgain={() => find(sought)}
          />
        )}
      </div>
      <aside ref={panel} className="panel" aria-label="What to do with it">
        {chosen ? (
          <Doings
            chosen={chosen}
            stated={stated}
            onRange={(part, range) => setChosen({ ...chosen, part, range })}
            onStated={setStated}
            onGranted={setViewing}
          />
        ) : (
          <Nothing />
        )}
      </aside>
    </main>
  )
}

type DoingsProps = {
  chosen: Chosen
  stated: Partial<Stated>
  onRange: (part: Part, range: Stretch) => void
  onStated: (stated: Stated) => void
  onGranted: (viewing: Viewing) => void
}

/** What may be done with what was chosen. */
function Doings({ chosen: { recording, part, range }, stated, onRange, onStated, onGranted }: DoingsProps) {
  const { can } = useViewer()
  const may: Record<Doing, boolean> = {
    look: can('request_viewing') && part !== undefined,
    file: can('request_export') && part !== undefined,
    records: can('read_audit_trail'),
  }
  const doings = DOINGS.filter(({ code }) => may[code])
  const [wanted, setDoing] = useState<Doing>('look')
  const doing = may[wanted] ? wanted : doings[0]?.code
  return (
    <div className="panel-form">
      {doing && doings.length > 1 && <Tabs label="What to do with it" tabs={doings} shown={doing} onShow={setDoing} />}
      {doing === 'records' ? (
        <Audience footage={recording.id} />
      ) : (
        part &&
        range && (
          <>
            <RangeFields key={recording.id} parts={seeable(recording)} part={part} range={range} onChange={onRange} />
            {doing === 'look' ? (
              <LookForm
                footage={recording.id}
                part={part}
                range={range}
                start={stated}
                onGranted={(id, said) => {
                  onStated(said)
                  onGranted({ id, footage: recording.id, part, range, stated: said })
                }}
              />
            ) : (
              <FileForm
                key={recording.id}
                footage={recording.id}
                part={part}
                range={range}
                start={stated}
                onAsked={onStated}
              />
            )}
          </>
        )
      )}
    </div>
  )
}

function Nothing() {
  const { can } = useViewer()
  if (!can('request_viewing'))
    return (
      <div className="panel-form">
        <h2>Every look at footage is on the record</h2>
        <p className="quiet">
          Find a stretch of footage, also one that is gone, and choose it: who asked to see it and for what, and how
          much of it they saw. The pictures are not shown here.
        </p>
      </div>
    )
  return (
    <div className="panel-form">
      <h2>Footage is masked, and every look is on the record</h2>
      <p className="quiet">
        Find a stretch of footage and choose it. Then say what for
        {can('request_export') &&
          ': to look at it here, or to have it made into a file, which a second person approves'}
        .
      </p>
      {can('request_export') && (
        <p className="quiet">
          Files that were asked for are under <Link href="/exports">Exports</Link>.
        </p>
      )}
    </div>
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
