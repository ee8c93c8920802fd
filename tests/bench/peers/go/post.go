package main

import (
	"bytes"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"encoding/json"
	"log"
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"
)

const (
	snapshotKept = 24 * time.Hour // a creator's name is not shown for longer
	imagesKept   = 6 * 24 * time.Hour
	awaiting     = 23 * 24 * time.Hour // a post waits for its owner's approval
)

type options struct {
	PostMode           string  `json:"post_mode"`
	PrivacyLevel       *string `json:"privacy_level"`
	DisableComment     bool    `json:"disable_comment"`
	AutoAddMusic       bool    `json:"auto_add_music"`
	BrandContentToggle bool    `json:"brand_content_toggle"`
	BrandOrganicToggle bool    `json:"brand_organic_toggle"`
	PhotoCoverIndex    int64   `json:"photo_cover_index"`
	IsAigc             bool    `json:"is_aigc"`
}

type reason struct {
	Change string `json:"change"`
	Reason string `json:"reason"`
}

type original struct {
	MediaType string `json:"media_type"`
	Width     int64  `json:"width"`
	Height    int64  `json:"height"`
	SizeBytes int64  `json:"size_bytes"`
	SHA256    string `json:"sha256"`
}

type image struct {
	Position   int64    `json:"position"`
	UploadID   string   `json:"upload_id"`
	Width      int64    `json:"width"`
	Height     int64    `json:"height"`
	SizeBytes  int64    `json:"size_bytes"`
	Changes    []string `json:"changes"`
	Reasons    []reason `json:"reasons"`
	SHA256     string   `json:"sha256"`
	Original   original `json:"original"`
	Provenance *string  `json:"provenance"`
	FetchedAt  *string  `json:"fetched_at"`
	DeletedAt  *string  `json:"deleted_at"`

	digest []byte
}

type event struct {
	At           string  `json:"at"`
	Event        string  `json:"event"`
	Status       string  `json:"status"`
	Code         *string `json:"code"`
	PlatformCode *string `json:"platform_code"`
	LogID        *string `json:"log_id"`
	RequestID    *string `json:"request_id"`
}

type post struct {
	ID              string   `json:"id"`
	AccountID       string   `json:"account_id"`
	Status          string   `json:"status"`
	Title           *string  `json:"title"`
	Description     *string  `json:"description"`
	PostMode        string   `json:"post_mode"`
	PlatformOptions options  `json:"platform_options"`
	PublishID       *string  `json:"publish_id"`
	PostURL         *string  `json:"post_url"`
	TiktokPostIDs   []string `json:"tiktok_post_ids"`
	Failure         *string  `json:"failure"`
	NextAttemptAt   *string  `json:"next_attempt_at"`
	HeldUntil       *string  `json:"held_until"`
	AwaitingUntil   *string  `json:"awaiting_until"`
	KeyID           *string  `json:"key_id"`
	CreatedAt       string   `json:"created_at"`
	EndedAt         *string  `json:"ended_at"`
	ContentDigest   string   `json:"content_digest"`
	Images          []image  `json:"images"`
	Events          []event  `json:"events"`
}

type postAnswer struct {
	Data post `json:"data"`
	Meta meta `json:"meta"`
}

var statements = map[string]*sql.Stmt{}
var tiktok = os.Getenv("BENCH_TIKTOK")

func preparePost(db *sql.DB) {
	var texts map[string]string
	if err := json.Unmarshal([]byte(os.Getenv("BENCH_POST_STATEMENTS")), &texts); err != nil {
		log.Fatal(err)
	}
	for name, text := range texts {
		statement, err := db.Prepare(text)
		if err != nil {
			log.Fatal(err)
		}
		statements[name] = statement
	}
}

func timeOrNull(us sql.NullInt64) *string {
	if !us.Valid {
		return nil
	}
	text := rfc3339(us.Int64)
	return &text
}

func until(us int64, kept time.Duration) *string {
	text := rfc3339(us + kept.Microseconds())
	return &text
}

// As lib/model/post/post_digest.h has it: each with its length, an absent text with -1.
func (p *post) digest(account []byte) string {
	var b bytes.Buffer
	number := func(n int) {
		b.WriteString(strconv.Itoa(n))
		b.WriteByte(';')
	}
	content := func(c []byte) {
		number(len(c))
		b.Write(c)
	}
	text := func(t *string) {
		if t == nil {
			number(-1)
			return
		}
		number(len(*t))
		b.WriteString(*t)
	}
	flag := func(f bool) {
		if f {
			number(1)
		} else {
			number(0)
		}
	}
	o := &p.PlatformOptions
	number(1)
	content(account)
	text(p.Title)
	text(p.Description)
	text(o.PrivacyLevel)
	flag(o.PostMode == "DIRECT_POST")
	flag(o.DisableComment)
	flag(o.AutoAddMusic)
	flag(o.BrandContentToggle)
	flag(o.BrandOrganicToggle)
	flag(o.IsAigc)
	number(int(o.PhotoCoverIndex))
	number(len(p.Images))
	for i := range p.Images {
		content(p.Images[i].digest)
	}
	sum := sha256.Sum256(b.Bytes())
	return hex.EncodeToString(sum[:])
}

var whys = map[string]string{
	"orientation":      "The file only says how to turn it, and whoever shows it may not look at that.",
	"resized":          "TikTok refuses a whole post for one image beyond 1080 x 1920 pixels.",
	"reencoded":        "Its pixels were changed, or are stored in a way that not everybody reads, so the file was written anew.",
	"metadata_removed": "Metadata may tell where and by whom an image was made, and TikTok was seen to refuse images for it.",
	"flattened":        "A JPEG has no transparency, so what shone through is white, or the background that was asked for.",
	"colour_converted": "Its colours need a profile that is removed, so they were converted to sRGB.",
}

func (i *image) explain() {
	i.Reasons = make([]reason, len(i.Changes))
	for n, change := range i.Changes {
		why := whys[change]
		if t := i.Original.MediaType; change == "reencoded" && t != "image/jpeg" && t != "image/webp" {
			why = "TikTok takes no images of this kind, so it is kept as JPEG."
		}
		i.Reasons[n] = reason{change, why}
	}
}

func list(text sql.NullString) []string {
	if !text.Valid || text.String == "" {
		return []string{}
	}
	return strings.Split(text.String, ",")
}

func readPost(p *post, id, user []byte) error {
	var account, key []byte
	var ids, username sql.NullString
	var next, ended sql.NullInt64
	var created int64
	var held bool
	o := &p.PlatformOptions

	snapshots := time.Now().Add(-snapshotKept).UnixMicro()
	err := statements["post"].QueryRow(snapshots, id, user).Scan(&id, &account, &p.Title, &p.Description, &o.PostMode, &o.PrivacyLevel,
		&o.DisableComment, &o.AutoAddMusic, &o.BrandContentToggle, &o.BrandOrganicToggle, &o.IsAigc, &o.PhotoCoverIndex,
		&p.Status, &p.PublishID, &ids, &next, &key, &created, &ended, &username, &held)
	if err != nil {
		return err
	}
	p.ID, p.AccountID, p.PostMode, p.TiktokPostIDs = uuid(id), uuid(account), o.PostMode, list(ids)
	p.NextAttemptAt, p.CreatedAt, p.EndedAt = timeOrNull(next), rfc3339(created), timeOrNull(ended)
	if key != nil {
		text := uuid(key)
		p.KeyID = &text
	}
	if held {
		p.HeldUntil, p.NextAttemptAt = until(created, imagesKept), nil
	}
	if p.Status == "awaiting_approval" {
		p.AwaitingUntil = until(created, awaiting)
	}
	if len(p.TiktokPostIDs) > 0 && username.Valid {
		url := tiktok + "/@" + username.String + "/photo/" + p.TiktokPostIDs[0]
		p.PostURL = &url
	}
	if err := readImages(p, id); err != nil {
		return err
	}
	p.ContentDigest = p.digest(account)
	return readEvents(p, id)
}

func readImages(p *post, id []byte) error {
	rows, err := statements["images"].Query(id)
	if err != nil {
		return err
	}
	defer rows.Close()
	p.Images = []image{}
	for rows.Next() {
		var i image
		var upload, sent []byte
		var changes sql.NullString
		var fetched, deleted sql.NullInt64
		o := &i.Original
		if err := rows.Scan(&i.Position, &upload, &i.Width, &i.Height, &i.SizeBytes, &changes, &i.digest, &o.MediaType, &o.Width,
			&o.Height, &o.SizeBytes, &sent, &i.Provenance, &fetched, &deleted); err != nil {
			return err
		}
		i.UploadID, i.Changes, i.FetchedAt, i.DeletedAt = uuid(upload), list(changes), timeOrNull(fetched), timeOrNull(deleted)
		i.SHA256, o.SHA256 = hex.EncodeToString(i.digest), hex.EncodeToString(sent)
		i.explain()
		p.Images = append(p.Images, i)
	}
	return rows.Err()
}

func readEvents(p *post, id []byte) error {
	rows, err := statements["events"].Query(id)
	if err != nil {
		return err
	}
	defer rows.Close()
	p.Events = []event{}
	for rows.Next() {
		var e event
		var at int64
		if err := rows.Scan(&at, &e.Event, &e.Code, &e.PlatformCode, &e.LogID, &e.RequestID, &e.Status); err != nil {
			return err
		}
		e.At = rfc3339(at)
		p.Events = append(p.Events, e)
	}
	return rows.Err()
}

func handlePost(w http.ResponseWriter, r *http.Request) {
	var a postAnswer
	var user []byte
	var state string
	var revoked sql.NullInt64

	sum := sha256.Sum256([]byte(strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")))
	err := statements["key"].QueryRow(sum[:]).Scan(&user, &revoked, &state)
	if err == sql.ErrNoRows || err == nil && (revoked.Valid || state != "active") {
		http.Error(w, "{}", http.StatusUnauthorized)
		return
	}
	id, bad := hex.DecodeString(strings.ReplaceAll(r.URL.Path[strings.LastIndexByte(r.URL.Path, '/')+1:], "-", ""))
	if err == nil && bad == nil {
		err = readPost(&a.Data, id, user)
	}
	if bad != nil || err == sql.ErrNoRows {
		http.Error(w, "{}", http.StatusNotFound)
		return
	}
	if err != nil {
		http.Error(w, "{}", http.StatusInternalServerError)
		return
	}
	a.Meta.RequestID = r.Header.Get("X-Request-Id")
	body, _ := json.Marshal(&a)
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.Write(body)
}
