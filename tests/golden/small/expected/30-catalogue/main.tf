# Rendered by tfgen from catalogue/main.tf; change the spec or the blueprint instead.

resource "terraform_data" "shelves" {
  input = {
    network  = local.main_network.vpc_id
    password = local.main_network.password
    protect  = var.protect
    days     = var.retention_days
    code     = filebase64sha256("${path.root}/artifacts/librarian.zip")

    shelves = [
      {
        name = "fiction"
        labels = {
          "$${evil}" = "a\nb"
        }
      },
      {
        name   = "science & more"
        labels = {}
      },
    ]
  }
}
