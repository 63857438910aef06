/** The map's look: a dark city that stays behind what is happening in it. All of it is served by ourselves. */
import type { StyleSpecification, SymbolLayerSpecification } from 'maplibre-gl'

export const FONT = 'IBM Plex Sans Variable'

/** The data's extent, which is what there is to look at. West, south, east, north. */
export const EXTENT: [number, number, number, number] = [-118.405, 34.07, -118.34, 34.105]
export const CITY: [number, number, number, number] = [-118.39588, 34.07639, -118.34338, 34.09808]

const [west, south, east, north] = EXTENT
const edge = [
  [west, south],
  [east, south],
  [east, north],
  [west, north],
  [west, south],
]

export const STREETS = '/map/west_hollywood_streets.geojson'
const folder = '/map/'
const width = (small: number, large: number) =>
  ['interpolate', ['exponential', 1.6], ['zoom'], 13, small, 17, large] as unknown as number

export const style: StyleSpecification = {
  version: 8,
  sources: {
    parks: { type: 'geojson', data: `${folder}west_hollywood_parks.geojson` },
    streets: { type: 'geojson', data: STREETS },
    city: { type: 'geojson', data: `${folder}west_hollywood_boundary_osm.geojson` },
    edge: {
      type: 'geojson',
      data: { type: 'Feature', properties: {}, geometry: { type: 'LineString', coordinates: edge } },
    },
  },
  layers: [
    { id: 'ground', type: 'background', paint: { 'background-color': '#0a0f16' } },
    { id: 'city', type: 'fill', source: 'city', paint: { 'fill-color': '#101a25' } },
    { id: 'parks', type: 'fill', source: 'parks', paint: { 'fill-color': '#12291f' } },
    {
      id: 'paths',
      type: 'line',
      source: 'streets',
      minzoom: 15,
      filter: ['in', ['get', 'class'], ['literal', ['service', 'path']]],
      paint: { 'line-color': '#1a2735', 'line-width': width(0.4, 3) },
    },
    {
      id: 'minor',
      type: 'line',
      source: 'streets',
      filter: ['==', ['get', 'class'], 'minor'],
      layout: { 'line-cap': 'round', 'line-join': 'round' },
      paint: { 'line-color': '#1f2e3f', 'line-width': width(0.8, 9) },
    },
    {
      id: 'major',
      type: 'line',
      source: 'streets',
      filter: ['==', ['get', 'class'], 'major'],
      layout: { 'line-cap': 'round', 'line-join': 'round' },
      paint: { 'line-color': '#31455b', 'line-width': width(1.8, 15) },
    },
    // The streets end where the data does; they fade rather than stop.
    {
      id: 'edge',
      type: 'line',
      source: 'edge',
      paint: { 'line-color': '#0a0f16', 'line-width': 130, 'line-blur': 90 },
    },
    {
      id: 'city-glow',
      type: 'line',
      source: 'city',
      layout: { 'line-join': 'round' },
      paint: { 'line-color': '#5ad1e6', 'line-opacity': 0.13, 'line-width': 9, 'line-blur': 6 },
    },
    {
      id: 'city-line',
      type: 'line',
      source: 'city',
      layout: { 'line-join': 'round' },
      paint: { 'line-color': '#5ad1e6', 'line-opacity': 0.62, 'line-width': 1.3, 'line-dasharray': [5, 2] },
    },
  ],
}

const nameLayout: SymbolLayerSpecification['layout'] = {
  'symbol-spacing': 360,
  'text-field': ['get', 'name'],
  'text-font': [FONT],
  'text-size': ['interpolate', ['linear'], ['zoom'], 13, 11, 16, 14],
  'text-letter-spacing': 0.04,
  'text-padding': 4,
  'text-max-angle': 38,
}
const majorNames: Omit<SymbolLayerSpecification, 'id' | 'layout'> = {
  type: 'symbol',
  source: 'names',
  minzoom: 12.5,
  paint: { 'text-color': '#a9bccf', 'text-halo-color': '#0c131c', 'text-halo-width': 1.6 },
}

/** What may come after the first picture: footprints are 2 MB, names need the font. */
export const later: { source?: [string, string]; layer: StyleSpecification['layers'][number]; before?: string }[] = [
  {
    source: ['buildings', `${folder}west_hollywood_buildings.geojson`],
    layer: {
      id: 'buildings',
      type: 'fill',
      source: 'buildings',
      minzoom: 13.5,
      paint: {
        'fill-color': '#182432',
        'fill-outline-color': '#202f40',
        'fill-opacity': ['interpolate', ['linear'], ['zoom'], 13.5, 0, 14.5, 1],
      },
    },
    before: 'paths',
  },
  {
    layer: {
      id: 'minor-names',
      type: 'symbol',
      source: 'streets',
      minzoom: 15.2,
      filter: ['==', ['get', 'class'], 'minor'],
      layout: {
        'symbol-placement': 'line',
        'symbol-spacing': 380,
        'text-field': ['get', 'name'],
        'text-font': [FONT],
        'text-size': 11,
        'text-padding': 12,
      },
      paint: { 'text-color': '#8296ab', 'text-halo-color': '#0c131c', 'text-halo-width': 1.4 },
    },
  },
  // From afar one name in the middle of each street; near by, a name wherever one looks.
  {
    layer: {
      ...majorNames,
      id: 'major-names',
      maxzoom: 15,
      layout: { ...nameLayout, 'symbol-placement': 'line-center' },
    },
  },
  {
    layer: {
      ...majorNames,
      id: 'major-names-near',
      minzoom: 15,
      layout: { ...nameLayout, 'symbol-placement': 'line' },
    },
  },
]

/** The ground that cameras see; fainter where the camera does not work. */
export const viewLayer: StyleSpecification['layers'][number] = {
  id: 'views',
  type: 'fill',
  source: 'views',
  minzoom: 13.5,
  paint: {
    'fill-color': '#e8eef5',
    'fill-opacity': ['case', ['get', 'works'], 0.16, 0.05],
    'fill-outline-color': '#e8eef5',
  },
}

/** Lines of what flies: where it has been, and where it is bound. */
export const flightLayers: StyleSpecification['layers'] = [
  {
    id: 'aims',
    type: 'line',
    source: 'aims',
    layout: { 'line-cap': 'round' },
    paint: { 'line-color': '#e8eef5', 'line-opacity': 0.45, 'line-width': 1.4, 'line-dasharray': [1, 4] },
  },
  {
    id: 'tracks',
    type: 'line',
    source: 'tracks',
    layout: { 'line-cap': 'round', 'line-join': 'round' },
    paint: {
      'line-width': 2.6,
      'line-gradient': [
        'interpolate',
        ['linear'],
        ['line-progress'],
        0,
        'rgba(90,209,230,0.18)',
        1,
        'rgba(90,209,230,0.95)',
      ],
    },
  },
]
